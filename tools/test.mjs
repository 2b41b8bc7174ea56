// `npm test`: every test, on the real platform. Arguments go to Vitest:
//
//   npm test -- --project unit select
import { ensureChromium } from "./ensure-chromium.mjs";
import { runPackage, setUp } from "./setup.mjs";

setUp();
ensureChromium();
process.exitCode = runPackage("vitest", ["run", ...process.argv.slice(2)]);
