// `npm run build:extension`: builds the DevTools extension into dist/extension, to be loaded unpacked.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

setUp();
const { build } = await import("vite");

const source = join(root, "src", "devtools");
const folder = join(root, "dist", "extension");
await build({
  configFile: false,
  root: source,
  base: "./",
  publicDir: join(source, "static"),
  logLevel: process.argv.includes("--quiet") ? "warn" : "info",
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      input: ["devtools.html", "panel.html"].map((page) => join(source, page)),
    },
  },
});

// Its version is the project's.
const path = join(folder, "manifest.json");
const { version } = read(join(root, "package.json"));
writeFileSync(path, JSON.stringify({ ...read(path), version }, null, 2));

/** @param {string} path */
function read(path) {
  /** @type {Record<string, unknown>} */
  const json = JSON.parse(readFileSync(path, "utf8"));
  return json;
}
