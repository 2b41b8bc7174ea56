// The library's modules and its build: ES modules in one flat folder that pages can load as they are and bundlers
// can process, with their types and a manifest of their elements.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { bareShaders } from "./bare-shaders.mjs";
import { manifestOf } from "./manifest.mjs";
import { root } from "./setup.mjs";
import { emitTypes } from "./types.mjs";

/** Where the library is built. */
export const libraryFolder = join(root, "dist", "lib");

/**
 * What a page imports, `rondo` and its subpaths: the source, and the element that it registers, if any.
 * package.json's `exports` has the same names.
 *
 * @type {Record<string, { source: string, element?: string }>}
 */
export const entries = {
  rondo: { source: "src/index.ts" },
  openai: { source: "src/api/openai/index.ts" },
  "web-llm": { source: "src/api/web-llm/index.ts" },
  "ai-sdk": { source: "src/api/ai-sdk/index.ts" },
  "prompt-api": { source: "src/api/prompt-api/index.ts" },
  define: {
    source: "src/ui/define.ts",
    element: "src/ui/element/chat-element.ts",
  },
  memory: {
    source: "src/ui/memory/define-memory.ts",
    element: "src/ui/memory/memory-element.ts",
  },
};

/** What Node loads instead of an entry that registers an element: a server has no DOM to register it in. */
const NO_ELEMENTS = "no-elements.js";

/**
 * Scripts started by their address. They are additional entries, so that code shared with the page is one file,
 * and they lie where the code's addresses point.
 *
 * @type {Record<string, string>}
 */
const workers = {
  worker: "src/engine/worker/worker.ts",
  "pdf-worker": "src/documents/pdf-worker.ts",
};

/** Names for chunks that would otherwise be named after a small file in them. */
const chunkNames = {
  "/node_modules/lit-html/": "lit",
  "/node_modules/valibot/": "valibot",
};

/**
 * Keeps `new Worker(new URL("./worker.js", import.meta.url))` as it is: bundlers look for it, and it works
 * without one. Vite's own worker syntax leaves addresses that others do not recognise.
 *
 * @type {import("vite").Plugin}
 */
const plainWorkers = {
  name: "plain-workers",
  enforce: "pre",
  transform: {
    filter: { code: /new URL\(\s*"\.\/[\w-]+\.ts"/ },
    handler(code) {
      const plain = code.replace(
        /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g,
        (_, /** @type {string} */ name) => {
          if (workers[name] === undefined)
            this.error(`tools/library.mjs knows no worker called "${name}".`);
          return `new URL(/* @vite-ignore */ "./${name}.js", import.meta.url)`;
        },
      );
      // No line has moved, so the previous source map still holds.
      return { code: plain, map: null };
    },
  },
  // The comment is for Vite here, not for bundlers of the library.
  renderChunk(code) {
    return { code: code.replaceAll("/* @vite-ignore */", ""), map: null };
  },
  // Minified, addresses are template literals, which some bundlers do not look at. Same length, same map.
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle))
      if (file.type === "chunk")
        file.code = file.code.replace(
          /new URL\(`(\.\/[\w-]+\.js)`,/g,
          'new URL("$1",',
        );
  },
};

/**
 * Puts what the engine imports into one file, but not what the page imports too, nor what either imports late; what
 * both import into another, and into a third what else the page has of `rondo`. Which other entries use a part of
 * these does not split them: many small files compress worse.
 *
 * @param {string} id
 * @param {{ getModuleInfo(id: string): import("vite").Rolldown.ModuleInfo | null }} graph
 */
function engineGroup(id, graph) {
  /** @param {string} source */
  const importedBy = (source) => {
    const found = new Set([join(root, source)]);
    for (const one of found)
      for (const imported of graph.getModuleInfo(one)?.importedIds ?? [])
        found.add(imported);
    return found;
  };
  if (!importedBy("src/ui/define.ts").has(id))
    return importedBy("src/engine/engine.ts").has(id) ? "engine" : null;
  if (importedBy("src/engine/worker/worker.ts").has(id)) return "shared";
  return importedBy("src/index.ts").has(id) ? "remote-engine" : null;
}

/**
 * Bundles the library's JavaScript into its folder; returns its chunks.
 *
 * @returns {Promise<import("vite").Rolldown.OutputChunk[]>}
 */
export async function bundleLibrary() {
  const sources = Object.entries(entries).map(([name, { source }]) => [
    name,
    source,
  ]);
  const built = await inProduction({
    root,
    configFile: false,
    logLevel: "warn",
    mode: "production",
    publicDir: false,
    plugins: [bareShaders, plainWorkers],
    // Library builds leave this to the bundler, and a page without a bundler has no `process`.
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      outDir: libraryFolder,
      target: "es2022",
      sourcemap: true,
      // What is in the files of other people's work, whose licences ask to be passed on.
      license: { fileName: "THIRD-PARTY-LICENSES.md" },
      lib: {
        entry: { ...Object.fromEntries(sources), ...workers },
        formats: ["es"],
      },
      rolldownOptions: {
        preserveEntrySignatures: "allow-extension",
        output: {
          entryFileNames: "[name].js",
          chunkFileNames: ({ name, moduleIds }) => {
            const [, known] =
              Object.entries(chunkNames).find(([part]) =>
                moduleIds.some((id) => id.includes(part)),
              ) ?? [];
            return `${known ?? name}-[hash].js`;
          },
          minify: true,
          // What the engine and its late parts share goes with the engine: many small files compress worse.
          codeSplitting: {
            includeDependenciesRecursively: false,
            groups: [{ name: engineGroup, debugName: "engine" }],
          },
        },
      },
    },
  });
  const [bundle] = Array.isArray(built) ? built : [built];
  if (bundle === undefined || !("output" in bundle))
    throw new Error("Vite gave no bundle.");
  return bundle.output.filter((file) => file.type === "chunk");
}

/**
 * Vite's `build`, wherever it is called: a test's own NODE_ENV would bundle what packages have for
 * development.
 *
 * @param {import("vite").InlineConfig} config
 */
export async function inProduction(config) {
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = "production";
  try {
    return await build(config);
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
}

/** Builds all of the library: JavaScript, types, and the manifest of its elements. */
export async function buildLibrary() {
  rmSync(libraryFolder, { recursive: true, force: true });
  const chunks = await bundleLibrary();
  const sources = Object.values(entries).map(({ source }) => source);
  emitTypes(sources, join(libraryFolder, "types"));
  writeFileSync(join(libraryFolder, NO_ELEMENTS), "export {};\n");
  const manifest = manifestOf(publicElements());
  writeFileSync(
    join(libraryFolder, "custom-elements.json"),
    `${JSON.stringify(manifest, null, 2)}\n`,
  );
  return chunks;
}

/** The public elements: their sources, and the built files that register them. */
export function publicElements() {
  return Object.entries(entries).flatMap(([name, { element }]) =>
    element === undefined
      ? []
      : [{ source: element, definedIn: `dist/lib/${name}.js` }],
  );
}
