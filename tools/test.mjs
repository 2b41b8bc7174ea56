// `npm test`: every test, on the real platform. Arguments go to Vitest:
//
//   npm test -- --project unit select
import { ensureChromium } from "./ensure-chromium.mjs";
import { useLavapipe } from "./lavapipe.mjs";
import { runPackage, setUp } from "./setup.mjs";

setUp();
ensureChromium();
const args = process.argv.slice(2);
const projects = args.filter((_, i) => args[i - 1] === "--project");
const hasChats = (/** @type {string} */ name) => /engine|e2e/.test(name);
if (projects.length === 0 || projects.some(hasChats)) await useLavapipe();
process.exitCode = runPackage("vitest", ["run", ...args]);
