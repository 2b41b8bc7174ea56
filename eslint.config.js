// Strict types everywhere; and in src/ the folders are the architecture: imports point down only,
// and each platform (WebGPU, IndexedDB, the DOM) is touched in one place.
import { defineConfig } from "eslint/config";
import { configs as lit } from "eslint-plugin-lit";
import tseslint from "typescript-eslint";

const engineFace = [
  "engine/chat-engine",
  "engine/memory-snapshot",
  "engine/remote",
];

/**
 * What each place in src/ may import besides its own files and util: anything from the places in
 * `from`, and types alone from those in `types`, one step sideways.
 *
 *     ui ──► engine ──► model, memory ──► kernels ──► gpu      with store beside gpu
 *      └───► documents
 *
 * @type {Record<string, { from: string[], types?: string[] }>}
 */
const places = {
  util: { from: [] },
  gpu: { from: [], types: ["store"] },
  store: { from: [], types: ["gpu"] },
  kernels: { from: ["gpu"] },
  model: { from: ["kernels", "gpu", "store"], types: ["memory"] },
  memory: { from: ["kernels", "gpu", "store"], types: ["model"] },
  engine: { from: ["model", "memory", "kernels", "gpu", "store"] },
  documents: { from: [] },
  offline: { from: [] },
  ui: { from: [...engineFace, "model/hub-name", "documents"] },
  api: { from: engineFace },
  devtools: { from: [...engineFace, "ui"] },
  "main.ts": { from: [...engineFace, "ui", "offline"] },
  "index.ts": { from: [...engineFace, "engine/engine", "ui", "api"] },
};

/** Names that only some places may use: `calls` wherever they are spelled, `globals` by scope. */
const owners = [
  {
    places: ["gpu"],
    calls: "createBuffer|createComputePipeline(Async)?|requestAdapter",
    globals: [],
  },
  { places: ["store"], calls: "openDB", globals: ["indexedDB"] },
  { places: ["offline"], calls: "skipWaiting", globals: ["caches"] },
  {
    places: ["ui", "devtools", "main.ts"],
    calls: "querySelector(All)?",
    globals: ["document", "customElements"],
  },
];

const noEnums = {
  selector: "TSEnumDeclaration",
  message: "Use a union of literals: types vanish when compiled.",
};

/** @param {string} place */
function boundaryOf(place) {
  const { from, types = [] } = places[place] ?? { from: [] };
  const free = ["util", place, ...from];
  const all = Object.keys(places);
  const message =
    `src/${place} may import from ${free.join(", ")}` +
    (types.length === 0 ? "." : `, and types from ${types.join(", ")}.`);
  const outside = {
    regex: importsFrom(place, all, [...free, ...types]),
    message,
  };
  const sideways = {
    regex: importsFrom(place, types),
    allowTypeImports: true,
    message,
  };
  const lazy = {
    selector: `ImportExpression[source.value=/${importsFrom(place, all, free)}/]`,
    message,
  };

  const foreign = owners.filter((owner) => !owner.places.includes(place));
  const calls = foreign.map(({ calls, places }) => ({
    selector: `Identifier[name=/^(${calls})$/]`,
    message: `Only src/${places.join(", src/")} may use this.`,
  }));
  const globals = foreign.flatMap(({ globals, places }) =>
    globals.map((name) => ({
      name,
      message: `Only src/${places.join(", src/")} may use this.`,
    })),
  );

  return {
    files: [`src/${place}`, `src/${place}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: types.length === 0 ? [outside] : [outside, sideways],
        },
      ],
      "no-restricted-syntax": ["error", noEnums, lazy, ...calls],
      "no-restricted-globals": ["error", { globals, checkGlobalObject: true }],
    },
  };
}

/**
 * A pattern of the relative imports that lead from `place` into `targets`, save into `allowed`.
 *
 * @param {string} place
 * @param {string[]} targets
 * @param {string[]} [allowed]
 */
function importsFrom(place, targets, allowed = []) {
  /** @param {string[]} names */
  const anyOf = (names) =>
    `(?:${names.map((name) => name.replace(/\.ts$/, "").replace("/", "\\/")).join("|")})(?:\\/|\\.|$)`;
  // A file of src/ itself finds the folders beside it, a file in a folder finds them above it.
  const up = place.endsWith(".ts") ? "\\.\\/" : "(?:\\.\\.\\/)+";
  const except = allowed.length === 0 ? "" : `(?!${anyOf(allowed)})`;
  return `^${up}${except}${anyOf(targets)}`;
}

export default defineConfig(
  { ignores: ["dist", "out", "public", "tools/demo-model", "tools/oracle"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts", "**/*.tsx", "**/*.mjs", "eslint.config.js"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "no-restricted-syntax": ["error", noEnums],
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports" },
      ],
      "@typescript-eslint/parameter-properties": "error",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Loops over flat arrays stay in bounds by construction; `!` is how they say so.
      "@typescript-eslint/no-non-null-assertion": "off",
      // The DOM's types promise what a worker, Node or an older browser lacks.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // An interface may be asynchronous where one of its implementations need not be.
      "@typescript-eslint/require-await": "off",
      // A map of calls to their results says `void` for those that have none.
      "@typescript-eslint/no-invalid-void-type": "off",
      // A workaround may need what the DOM calls deprecated, such as keyCode while text is composed.
      "@typescript-eslint/no-deprecated": "off",
      // `void` is also how a callback says that its value is not meant.
      "@typescript-eslint/no-meaningless-void-operator": "off",
      // A tokenizer takes text apart by code points, which is what spreading a string does.
      "@typescript-eslint/no-misused-spread": "off",
      // tsc says this, and knows `_`.
      "@typescript-eslint/no-unused-vars": "off",
    },
  },
  {
    files: ["**/*.mjs"],
    rules: {
      // The casts of JavaScript are comments, which this rule does not read; tsc does.
      "@typescript-eslint/no-unsafe-assignment": "off",
    },
  },
  {
    files: ["src/ui/**/*.ts", "src/devtools/**/*.ts"],
    extends: [lit["flat/recommended"]],
  },
  ...Object.keys(places).map(boundaryOf),
);
