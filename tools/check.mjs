// `npm run check`: types, lint, format, unused code and import cycles. All checks run in parallel and to the end,
// so that one run shows every problem.
import { spawn } from "node:child_process";
import { root, scriptOf, setUp } from "./setup.mjs";

setUp();

/** @type {[name: string, script: string, args: string[]][]} */
const checks = [
  ["types (tsc)", scriptOf("typescript", "tsc"), ["-p", "."]],
  ["lint (eslint)", scriptOf("eslint"), [".", "--max-warnings=0"]],
  [
    "format (prettier)",
    scriptOf("prettier"),
    ["--check", "--log-level=warn", "."],
  ],
  ["unused code and cycles (knip)", scriptOf("knip"), ["--no-progress"]],
];

const failed = [];
const running = checks.map(([name, script, args]) => ({
  name,
  outcome: outcomeOf(script, args),
}));
for (const { name, outcome } of running) {
  const { status, output } = await outcome;
  console.log(`\n== ${name}\n${output}`);
  if (status !== 0) failed.push(name);
}
console.log(
  failed.length === 0 ? "All checks passed." : `Failed: ${failed.join(", ")}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * Runs a script to its end.
 *
 * @param {string} script
 * @param {string[]} args
 * @returns {Promise<{ status: number, output: string }>}
 */
function outcomeOf(script, args) {
  const child = spawn(process.execPath, [script, ...args], { cwd: root });
  let output = "";
  /** @param {Buffer} chunk */
  const take = (chunk) => void (output += chunk.toString());
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.on("error", ({ message }) => resolve({ status: 1, output: message }));
    child.on("close", (status) => resolve({ status: status ?? 1, output }));
  });
}
