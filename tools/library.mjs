// What the library is made of, and how it is built: ES modules in one flat folder, which a page can load
// as they stand and any bundler can take in, with their types and a manifest of their elements.
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
 * What a page imports, `rondo` itself and what is behind it: its source, and the element that it registers
 * for pages to use, if any. package.json's `exports` has the same names.
 *
 * @type {Record<string, { source: string, element?: string }>}
 */
export const entries = {
  rondo: { source: "src/index.ts" },
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
 * What is started by its address alone. They are entries beside the others, so that what they share with
 * the page is one file, and lie where their addresses in the code say.
 *
 * @type {Record<string, string>}
 */
const workers = {
  worker: "src/engine/worker/worker.ts",
  "pdf-worker": "src/documents/pdf-worker.ts",
};

/** Chunks that would be called after a small file in them, by a file that says what they are. */
const chunkNames = {
  "/src/engine/engine.ts": "engine",
  "/node_modules/lit-html/": "lit",
  "/node_modules/valibot/": "valibot",
};

/**
 * Keeps `new Worker(new URL("./worker.js", import.meta.url))` as it is: that is what bundlers look for, and
 * what works without one. Vite's own way of building workers leaves addresses that others do not recognise.
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
      // No line has moved: the map of what went before will do.
      return { code: plain, map: null };
    },
  },
  // The comment was for Vite's ears here, not for those of whoever builds with the library.
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
 * Bundles the library's JavaScript into its folder, and gives what is in it.
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
    // A library's build leaves this for the bundler to say, and a page without one has no `process`.
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

/** The elements that pages may use: their sources, and the built files that register them. */
export function publicElements() {
  return Object.entries(entries).flatMap(([name, { element }]) =>
    element === undefined
      ? []
      : [{ source: element, definedIn: `dist/lib/${name}.js` }],
  );
}
