// Writes the declarations of the library's public interface with TypeScript.
import { join } from "node:path";
import ts from "typescript";
import { root } from "./setup.mjs";

/**
 * Writes a declaration file for each source and everything that it imports.
 *
 * @param {string[]} sources
 * @param {string} outDir
 */
export function emitTypes(sources, outDir) {
  const { config } = /** @type {{ config: { compilerOptions: object } }} */ (
    ts.readConfigFile(join(root, "tsconfig.json"), (file) =>
      ts.sys.readFile(file),
    )
  );
  const { options } = ts.convertCompilerOptionsFromJson(
    config.compilerOptions,
    root,
  );
  const program = ts.createProgram(
    sources.map((source) => join(root, source)),
    {
      ...options,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      // `npm run check` has checked the types already.
      noCheck: true,
      stripInternal: true,
      rootDir: join(root, "src"),
      outDir,
    },
  );
  const { diagnostics, emitSkipped } = program.emit(undefined, (path, text) =>
    ts.sys.writeFile(path, withEndings(text)),
  );
  if (emitSkipped || diagnostics.length > 0) {
    const host = {
      getCanonicalFileName: (/** @type {string} */ name) => name,
      getCurrentDirectory: () => root,
      getNewLine: () => "\n",
    };
    throw new Error(ts.formatDiagnostics(diagnostics, host));
  }
}

/**
 * Completes import paths as Node requires: it does not guess file extensions.
 *
 * @param {string} declarations
 */
function withEndings(declarations) {
  return declarations.replace(
    /(from |import\()"(\.{1,2}\/[^"]*?)"/g,
    '$1"$2.js"',
  );
}
