// What a GPU's compiler makes of the kernels: compiles them all for AMD chips that need not be there, by the null
// device of Mesa's RADV, and prints registers, spills, loads in flight, and the instructions of the main loop.
//
//   npm run isa -- [--family navi31] [--only matvec,sample] [--listing FILE]
//
// Debian 12 on x86-64 only; what it needs is kept in ~/.cache/rondo-isa. It ends with an error if a kernel is over
// its limit (tools/isa/limits.mjs).
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nullDevice } from "./isa/install.mjs";
import { faultsOf, weightsATurn } from "./isa/limits.mjs";
import { readListings } from "./isa/listing.mjs";
import { fail, root, setUp } from "./setup.mjs";

/** @typedef {import("./isa/listing.mjs").Compiled} Compiled */

const { values } = parseArgs({
  options: {
    family: { type: "string", default: "navi31" },
    only: { type: "string" },
    listing: { type: "string" },
  },
});
setUp();

const { status, stderr } = compileAll();
if (values.listing !== undefined) writeFileSync(values.listing, stderr);
if (status !== 0) fail(`The kernels did not compile:\n${stderr.slice(-4000)}`);
const only = values.only?.split(",");
const compiled = readListings(stderr)
  .filter(({ label }) => only?.includes(label) ?? true)
  .toSorted((a, b) => a.label.localeCompare(b.label));
console.log(table(compiled));
const faults = compiled.flatMap(faultsOf);
if (faults.length > 0) fail(`\n${faults.join("\n")}`);

function compileAll() {
  try {
    return spawnSync(process.execPath, [join(root, "tools/isa/compile.mjs")], {
      cwd: root,
      env: { ...process.env, ...nullDevice(values.family) },
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** @param {Compiled[]} compiled */
function table(compiled) {
  const rows = compiled.map((one) => {
    const { loop, constants } = one;
    const weights = weightsATurn(one);
    return [
      one.label,
      Object.entries(constants)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
      one.models.join(", "),
      one.registers,
      one.waves,
      one.spills,
      one.ldsBytes,
      loop?.inFlight ?? "-",
      loop?.loads ?? "-",
      loop?.valu ?? "-",
      loop && weights ? (loop.valu / weights).toFixed(2) : "-",
      one.latency,
    ];
  });
  return [
    [
      ...["kernel", "constants", "models", "VGPRs", "waves a SIMD", "spills"],
      ...["LDS, bytes", "loads in flight", "loop: loads", "loop: VALU"],
      ...["VALU a weight", "latency"],
    ],
    Array(12).fill("---"),
    ...rows,
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
