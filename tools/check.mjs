// `npm run check`: types, lint, format, and what is unused or goes in circles. All of it is run,
// so that one round shows everything there is to mend.
import { runPackage, setUp } from "./setup.mjs";

setUp();

/** @type {[name: string, run: () => number][]} */
const checks = [
  ["types (tsc)", () => runPackage("typescript", ["-p", "."], "tsc")],
  ["lint (eslint)", () => runPackage("eslint", [".", "--max-warnings=0"])],
  [
    "format (prettier)",
    () => runPackage("prettier", ["--check", "--log-level=warn", "."]),
  ],
  [
    "unused code and cycles (knip)",
    () => runPackage("knip", ["--no-progress"]),
  ],
];

const failed = [];
for (const [name, run] of checks) {
  console.log(`\n== ${name}`);
  if (run() !== 0) failed.push(name);
}
console.log(
  failed.length === 0
    ? "\nAll checks passed."
    : `\nFailed: ${failed.join(", ")}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
