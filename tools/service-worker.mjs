// Bundles the page's service worker with the page, and writes the list of the page's files into it.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";

const WORKER = "service-worker.js";
const START = "self.pageVersion=";

/** @returns {import("vite").Plugin} */
export function serviceWorker() {
  return {
    name: "rondo:service-worker",
    apply: "build",
    buildStart() {
      this.emitFile({
        type: "chunk",
        id: "src/offline/service-worker.ts",
        fileName: WORKER,
      });
    },
    generateBundle(_, bundle) {
      const worker = bundle[WORKER];
      // Browsers differ on module service workers; one without imports need not be a module.
      if (worker?.type !== "chunk" || worker.imports.length > 0)
        this.error(
          `${WORKER} must be one file: it shares no code with the page.`,
        );
    },
    writeBundle({ dir }) {
      if (dir === undefined) this.error("The page is built into a folder.");
      listPageFiles(dir);
    },
  };
}

/**
 * Writes the list of a built page's files into its service worker, replacing the old list.
 *
 * @param {string} folder
 */
export function listPageFiles(folder) {
  const files = Object.fromEntries(
    readdirSync(folder, { recursive: true })
      .map(String)
      .filter(
        (name) => !isLeftOut(name) && statSync(join(folder, name)).isFile(),
      )
      .sort()
      .map((name) => [addressOf(name), integrityOf(join(folder, name))]),
  );
  const list = JSON.stringify(files);
  const name = createHash("sha256").update(list).digest("hex").slice(0, 16);
  const path = join(folder, WORKER);
  const lines = readFileSync(path, "utf8").split("\n");
  const code = lines.slice(lines[0]?.startsWith(START) ? 1 : 0).join("\n");
  writeFileSync(path, `${START}{"name":"${name}","files":${list}};\n${code}`);
}

/**
 * Files that are not needed to use the page, least of all offline.
 *
 * @param {string} name
 */
function isLeftOut(name) {
  return /\.map$|(^|[\\/])README\.md$/.test(name) || name === WORKER;
}

/**
 * As the page requests it: the page itself by its folder.
 *
 * @param {string} name
 */
function addressOf(name) {
  return name === "index.html"
    ? ""
    : name.split(sep).map(encodeURIComponent).join("/");
}

/** @param {string} path */
function integrityOf(path) {
  const hash = createHash("sha256").update(readFileSync(path));
  return `sha256-${hash.digest("base64")}`;
}
