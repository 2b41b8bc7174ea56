// Compiles the kernels of models one after the other, for RADV to print what becomes of them on standard error.
// Before each, a line says which it is: "=== " and JSON. Started by tools/isa.mjs in the driver's environment.
import { writeSync } from "node:fs";
import { createServer } from "vite";
import { create, globals } from "webgpu";
import { root } from "../setup.mjs";

/** @typedef {import("../../src/model/weights/matrix-format").MatrixFormat} MatrixFormat */

/** Shapes of test/support/shaped-model.ts, and the formats that their files have. */
const MODELS = /** @type {const} */ ([
  ["SmolLM2-135M", "SMOLLM2_135M", ["Q4", "Q8", "BF16"]],
  ["Qwen2.5-0.5B", "QWEN2_5_500M", ["Q4", "Q5", "Q6", "Q8"]],
  ["Qwen3-0.6B", "QWEN3_600M", ["Q4", "Q6"]],
]);

Object.assign(globalThis, globals);
const dawn = create([]);
// Kept for good: a device must not outlive what made it.
Object.assign(globalThis, { rondoGpu: dawn });
const server = await createServer({
  root,
  logLevel: "error",
  appType: "custom",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
/** @param {string} path */
const load = (path) => server.ssrLoadModule(path);
const { Gpu } = /** @type {typeof import("../../src/gpu/gpu")} */ (
  await load("/src/gpu/gpu.ts")
);
const { compileKernels } =
  /** @type {typeof import("../../src/model/network/kernel-set")} */ (
    await load("/src/model/network/kernel-set.ts")
  );
const { GPU_TUNING } =
  /** @type {typeof import("../../src/model/network/tuning")} */ (
    await load("/src/model/network/tuning.ts")
  );
const { readConfig } =
  /** @type {typeof import("../../src/model/config/config")} */ (
    await load("/src/model/config/config.ts")
  );
const shapes = /** @type {typeof import("../../test/support/shaped-model")} */ (
  await load("/test/support/shaped-model.ts")
);

const gpu = await Gpu.open(dawn);
const { device } = gpu;
let model = "";
let before = Promise.resolve(/** @type {unknown} */ (undefined));
const compile = device.createComputePipelineAsync.bind(device);
/** @param {GPUComputePipelineDescriptor} descriptor */
function compileNext(descriptor) {
  const { label, compute } = descriptor;
  const name = JSON.stringify({
    model,
    label,
    constants: compute.constants ?? {},
  });
  const made = before.then(() => {
    writeSync(2, `\n=== ${name}\n`);
    return compile(descriptor);
  });
  before = made;
  return made;
}
device.createComputePipelineAsync = compileNext;
for (const [name, shape, matrices] of MODELS) {
  model = name;
  const config = readConfig(shapes[shape]);
  const formats = { embedding: /** @type {MatrixFormat} */ ("Q8"), matrices };
  await compileKernels(gpu, config, formats, "f16", GPU_TUNING);
}
gpu.check();
process.exit(0); // Dawn's threads would keep Node waiting.
