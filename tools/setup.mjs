// Comes first in every script: checks Node's version and installs the packages. It runs before any package is
// installed, so it only uses Node's built-in modules, and no syntax that an old Node cannot parse.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the process unless Node is new enough, then installs the packages if they are missing or stale. */
export function setUp() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20) {
    fail(
      `Rondo needs Node 20 or newer, and this is Node ${process.versions.node}.\n` +
        "Install a newer one from https://nodejs.org and try again.",
    );
  }
  if (packagesAreCurrent()) return;
  console.log("Installing packages (npm ci)");
  const status = runNpm(["ci", "--no-audit", "--no-fund"]);
  if (status !== 0) fail("npm ci failed; its message is above.");
}

/**
 * Runs the command line of an installed package and returns its exit code.
 *
 * @param {string} packageName
 * @param {string[]} args
 */
export function runPackage(packageName, args) {
  return run(process.execPath, [scriptOf(packageName), ...args]);
}

/**
 * The command line of an installed package, for Node. It goes through package.json's `bin` rather than
 * node_modules/.bin, whose files Windows cannot run with Node.
 *
 * @param {string} packageName
 * @param {string} [command] where it is not called as the package is
 */
export function scriptOf(packageName, command = packageName) {
  const folder = join(root, "node_modules", packageName);
  /** @type {{ bin: string | Record<string, string> }} */
  const { bin } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  );
  const script = typeof bin === "string" ? bin : bin[command];
  if (script === undefined) throw new Error(`${packageName} has no ${command}`);
  return join(folder, script);
}

/**
 * Runs a program in the repository's folder, on this terminal, and returns its exit code.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function run(program, args, options) {
  const child = spawnSync(program, args, {
    cwd: root,
    stdio: "inherit",
    ...options,
  });
  if (child.error) console.error(child.error.message);
  return child.status === null ? 1 : child.status;
}

/**
 * Ends the process with a message.
 *
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  console.error(message);
  process.exit(1);
}

/**
 * npm writes node_modules/.package-lock.json at the end of an install, so an install that was cut
 * short counts as missing, and a lockfile that a `git pull` changed is newer.
 */
function packagesAreCurrent() {
  const installed = statSync(join(root, "node_modules/.package-lock.json"), {
    throwIfNoEntry: false,
  });
  const wanted = statSync(join(root, "package-lock.json"));
  return installed !== undefined && installed.mtimeMs >= wanted.mtimeMs;
}

/**
 * Under `npm start` and its like, npm says where it is itself; otherwise it is looked for on the
 * path, where Windows finds npm.cmd only through a shell.
 *
 * @param {string[]} args
 */
function runNpm(args) {
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /npm-cli\.[cm]?js$/.test(npm))
    return run(process.execPath, [npm, ...args]);
  return run("npm", args, { shell: process.platform === "win32" });
}
