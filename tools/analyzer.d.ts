// The parts of the manifest's analyzer that its own types leave out.
declare module "@custom-elements-manifest/analyzer" {
  import type { SourceFile } from "typescript";
  export { default as ts } from "typescript";
  /** The manifest: what the sources' comments and types say of the elements in them. */
  export function create(options: {
    modules: SourceFile[];
    plugins: unknown[];
    context: { dev: boolean };
  }): unknown;
}

declare module "@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js" {
  export function litPlugin(): unknown[];
}
