// `npm start`: builds the page where the last build is older than its sources, and serves it.
//
//   npm start -- [--port 4173] [--no-open]
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, root, setUp } from "./setup.mjs";

setUp();

const options = await readOptions();
const wantedPort = Number(options.port);
if (!Number.isInteger(wantedPort) || wantedPort < 0 || wantedPort > 65535)
  fail(`--port wants a number up to 65535, and got ${options.port}.`);

// Ctrl-C is how this is meant to end. No waiting for connections: a browser keeps them open.
process.once("SIGINT", () => process.exit(0));

const vite = await import("vite");
if (buildIsStale()) {
  console.log("Building the page");
  try {
    await vite.build({ root, logLevel: "warn" });
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

const server = await vite.preview({
  root,
  logLevel: "warn",
  // The name, not an address: a browser keeps its chats per origin, and this is the one to return to.
  preview: { host: "localhost", port: wantedPort },
});
const [address] = server.resolvedUrls?.local ?? [];
if (address === undefined) fail("The server has no local address.");
const port = Number(new URL(address).port);
if (wantedPort !== 0 && port !== wantedPort)
  console.log(
    `Port ${wantedPort} is in use, so this is ${port}. A browser keeps chats for each port apart.`,
  );
console.log(`Rondo is at ${address}\nCtrl-C ends it.`);
if (!options["no-open"] && hasDesktop()) openBrowser(address);

async function readOptions() {
  // Imported late: on a Node without it, setUp() should report the problem first.
  const { parseArgs } = await import("node:util");
  try {
    return parseArgs({
      options: {
        port: { type: "string", default: "4173" },
        "no-open": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    fail(String(error));
  }
}

/** Whether the build is missing or something it is made from has changed since. */
function buildIsStale() {
  const builtMs = modifiedMs("dist/page/index.html");
  return [
    "index.html",
    "package-lock.json",
    "public",
    "shaders",
    "src",
    "tools/service-worker.mjs",
    "vite.config.ts",
  ].some((path) => modifiedMs(path) > builtMs);
}

/**
 * When a file, or the newest file in a folder, was last changed; 0 where there is none. A folder's
 * own time counts too: it changes when a file in it is deleted.
 *
 * @param {string} path
 * @returns {number}
 */
function modifiedMs(path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  const inside = readdirSync(join(root, path), { recursive: true }).map(
    (name) => statSync(join(root, path, String(name))).mtimeMs,
  );
  return Math.max(stat.mtimeMs, ...inside);
}

function hasDesktop() {
  if (process.env.CI !== undefined) return false;
  if (process.platform !== "linux")
    return process.env.SSH_CONNECTION === undefined;
  return (
    process.env.DISPLAY !== undefined ||
    process.env.WAYLAND_DISPLAY !== undefined
  );
}

/** @param {string} url */
function openBrowser(url) {
  const [program, ...args] =
    process.platform === "win32"
      ? ["cmd", "/c", "start", "", url]
      : [process.platform === "darwin" ? "open" : "xdg-open", url];
  spawn(/** @type {string} */ (program), args, {
    detached: true,
    stdio: "ignore",
  })
    // The address is printed on the terminal, so a failure to open it is no error.
    .on("error", () => undefined)
    .unref();
}
