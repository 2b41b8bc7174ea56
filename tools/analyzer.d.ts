// The parts of the manifest's analyzer that its own types leave out.
declare module "@custom-elements-manifest/analyzer" {
  export { default as ts } from "typescript";
  /** What the sources' comments and types say of the elements in them. */
  export function create(options: {
    modules: import("typescript").SourceFile[];
    plugins: unknown[];
    context: { dev: boolean };
  }): import("./manifest.mjs").Manifest;
}

declare module "@custom-elements-manifest/analyzer/src/features/framework-plugins/lit/lit.js" {
  export function litPlugin(): unknown[];
}
