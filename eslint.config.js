// Strict types everywhere; and in src/ the folders are the architecture: imports point down only
// (tools/architecture.mjs), and each platform (WebGPU, IndexedDB, the DOM) is touched in one place.
import { defineConfig } from "eslint/config";
import { configs as lit } from "eslint-plugin-lit";
import tseslint from "typescript-eslint";
import { importsPointDown, places } from "./tools/architecture.mjs";

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

/**
 * Where a platform is touched: what only one place may use is refused in all others.
 *
 * @param {string} place
 */
function platformsOf(place) {
  const foreign = owners.filter((owner) => !owner.places.includes(place));
  /** @param {{ places: string[] }} owner */
  const messageFor = ({ places }) =>
    `Only src/${places.join(", src/")} may use this.`;
  const calls = foreign.map((owner) => ({
    selector: `Identifier[name=/^(${owner.calls})$/]`,
    message: messageFor(owner),
  }));
  const globals = foreign.flatMap((owner) =>
    owner.globals.map((name) => ({ name, message: messageFor(owner) })),
  );
  return {
    files: [`src/${place}`, `src/${place}/**/*.ts`],
    rules: {
      "no-restricted-syntax": ["error", noEnums, ...calls],
      "no-restricted-globals": ["error", { globals, checkGlobalObject: true }],
    },
  };
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
  {
    files: ["src/**/*.ts"],
    plugins: {
      architecture: { rules: { "imports-point-down": importsPointDown } },
    },
    rules: { "architecture/imports-point-down": "error" },
  },
  ...Object.keys(places).map(platformsOf),
);
