// `npm run build`: the page into dist/page, the library into dist/lib.
//
//   npm run build -- --only page
//   npm run build -- --only library
import { parseArgs } from "node:util";
import { root, setUp } from "./setup.mjs";

setUp();

const { build } = await import("vite");
const { buildLibrary } = await import("./library.mjs");

const { only } = parseArgs({ options: { only: { type: "string" } } }).values;

if (only !== "library") await build({ root, logLevel: "warn" });
if (only !== "page") await buildLibrary();
