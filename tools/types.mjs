// Writes the declarations of the library's public interface with TypeScript.
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { root } from "./setup.mjs";

/**
 * Writes a declaration file for each source, and for everything that these declarations import: less than the
 * sources do.
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
  /** @type {Map<string, string>} */
  const declarations = new Map();
  const { diagnostics, emitSkipped } = program.emit(undefined, (path, text) =>
    declarations.set(normalize(path), text),
  );
  if (emitSkipped || diagnostics.length > 0) {
    const host = {
      getCanonicalFileName: (/** @type {string} */ name) => name,
      getCurrentDirectory: () => root,
      getNewLine: () => "\n",
    };
    throw new Error(ts.formatDiagnostics(diagnostics, host));
  }
  const reached = new Set(
    sources.map((source) =>
      join(outDir, source.replace(/^src\/(.*)\.ts$/, "$1.d.ts")),
    ),
  );
  for (const path of reached) {
    const text = declarations.get(path);
    if (text === undefined) throw new Error(`Nothing declares ${path}.`);
    for (const [, , imported] of text.matchAll(OWN_IMPORT))
      reached.add(join(dirname(path), `${imported}.d.ts`));
    // Imports as Node resolves them, too: it does not guess a file's ending.
    ts.sys.writeFile(path, text.replace(OWN_IMPORT, '$1"$2.js"'));
  }
}

/** The path that a declaration imports another one by: it has no ending. */
const OWN_IMPORT = /(from |import\()"(\.{1,2}\/[^"]*?)"/g;
