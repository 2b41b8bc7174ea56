// Declarations of the library's public face, as TypeScript makes them of its sources.
import { join } from "node:path";
import ts from "typescript";
import { root } from "./setup.mjs";

/**
 * Writes a declaration file for each source, and for all that they import.
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
      // `npm run check` has seen to that.
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
 * Imports as Node resolves them, too: it does not guess a file's ending.
 *
 * @param {string} declarations
 */
function withEndings(declarations) {
  return declarations.replace(
    /(from |import\()"(\.{1,2}\/[^"]*?)"/g,
    '$1"$2.js"',
  );
}
