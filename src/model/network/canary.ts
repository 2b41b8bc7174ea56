/**
 * Before a model is run on a GPU, its matrix kernels are checked once on a small problem with odd sizes and
 * outliers, against sums from the CPU. Driver bugs can produce fluent nonsense
 * (https://github.com/ggml-org/llama.cpp/issues/23558), so such a GPU is refused.
 */
import type { Gpu } from "../../gpu/gpu";
import { readBuffer } from "../../gpu/readback";
import { WebGpuUnavailableError } from "../../util/errors";
import { floatToHalf } from "../../util/float16";
import type { FloatType } from "../checkpoint/checkpoint";
import type { KernelSet } from "./kernel-set";
import { recordLinear } from "./linear";
import {
  isQuantFormat,
  type MatrixFormat,
  packRows,
} from "../weights/matrix-format";
import { exactGroups, packGroups } from "../weights/quant-formats";
import { valuesOf } from "../weights/quantize";
import { StepBuffer } from "./step";

/** One row, a few, and more than a tile: each has kernels of its own. */
const ROWS = [1, 5, 33];
const MOST_ROWS = 33;
const COLUMNS = 96;
/** Not a multiple of any tile, so that rows of results are padded. */
const RESULTS = 70;
const STRIDE = 72;
/** Of the norm. */
const EPS = 1e-5;
/** Relative to the largest sum: weights are exact in every format, so only the order of additions differs. */
const TOLERANCE = 1e-5;

/** The result of a kernel's check. */
export interface KernelCheck {
  format: MatrixFormat;
  rows: number;
  /** The largest error, relative to the largest result. */
  error: number;
  /** Its limit. */
  tolerance: number;
}

/**
 * @returns the result of each check
 * @throws WebGpuUnavailableError if a kernel computes something else; OutOfMemoryError, DeviceLostError
 */
export async function checkKernels(
  gpu: Gpu,
  kernels: KernelSet,
): Promise<KernelCheck[]> {
  const step = new StepBuffer(gpu, MOST_ROWS);
  const checks: KernelCheck[] = [];
  try {
    for (const format of Object.keys(kernels.linear) as MatrixFormat[])
      checks.push(...(await checkFormat(gpu, kernels, format, step)));
    return checks;
  } finally {
    step.destroy();
  }
}

async function checkFormat(
  gpu: Gpu,
  kernels: KernelSet,
  format: MatrixFormat,
  step: StepBuffer,
): Promise<KernelCheck[]> {
  const buffers: GPUBuffer[] = [];
  const checks: KernelCheck[] = [];
  const make = (label: string, data: Float32Array | Uint8Array) => {
    const [memoryClass, bytes] = ["staging", data.byteLength] as const;
    const buffer = gpu.buffer({ label: `canary ${label}`, memoryClass, bytes });
    buffers.push(buffer);
    gpu.write(buffer, 0, data);
    return buffer;
  };
  try {
    const x = inputs();
    const { weights, packed } = weightsFor(format);
    const y = make("results", new Float32Array(MOST_ROWS * STRIDE));
    const part = {
      format,
      firstRow: 0,
      rows: RESULTS,
      weights: make("weights", packed.weights),
      scales: packed.scales && make("scales", packed.scales),
    };
    const linear = {
      x: make("inputs", x),
      weight: { rows: RESULTS, columns: COLUMNS, parts: [part] },
      y,
      yStride: STRIDE,
    };
    const norm = { weight: make("norm", normWeights()), eps: EPS };
    const { matvecs } = kernels.linear[format]!;
    const runs = matvecs.flatMap((matvec) =>
      matvec.norms.map((normalizes) => ({
        normalizes,
        run: recordLinear(kernels, step.buffer, {
          ...linear,
          matvec,
          ...(normalizes && { norm }),
        }),
      })),
    );
    const normalized = normalize(x);
    for (const { rows, normalizes, run } of runs.flatMap((one) =>
      ROWS.map((rows) => ({ rows, ...one })),
    )) {
      step.write({
        rows: Array.from({ length: rows }, () => NO_ROW),
        askedRows: 0,
        ...NO_KEYS,
      });
      gpu.submit("canary", (pass) => run(pass, rows));
      const got = new Float32Array(await readBuffer(gpu, y));
      const input = normalizes ? normalized : x;
      const error = relativeError(got, input, weights, rows);
      if (!(error <= TOLERANCE))
        throw new WebGpuUnavailableError(
          `This GPU computes wrong numbers (${rows} × ${COLUMNS} × ${RESULTS}, weights in ${format}: off by ${error.toPrecision(2)} of the largest). Update the graphics driver, or use another browser or device.`,
        );
      checks.push({ format, rows, error, tolerance: TOLERANCE });
    }
    return checks;
  } finally {
    for (const buffer of buffers) gpu.destroyBuffer(buffer);
  }
}

const NO_ROW = {
  token: 0,
  position: 0,
  localPosition: 0,
  lowerSlot: 0,
  upperSlot: 0,
};
const NO_KEYS = {
  lowerPages: 0,
  upperPages: 0,
  lowerSplits: 1,
  upperSplits: 1,
};

/** [MOST_ROWS, COLUMNS], some values a thousand times as large as the others. */
function inputs(): Float32Array {
  return Float32Array.from(
    { length: MOST_ROWS * COLUMNS },
    (_, i) => (((i * 29) % 23) - 11) / (i % 17 === 0 ? 0.008 : 8),
  );
}

/** [COLUMNS] */
function normWeights(): Float32Array {
  return Float32Array.from({ length: COLUMNS }, (_, i) => (1 + (i % 7)) / 4);
}

/** RMS norm of the rows, by `normWeights`. */
function normalize(x: Float32Array): Float64Array {
  const weights = normWeights();
  const out = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += COLUMNS) {
    const row = x.subarray(from, from + COLUMNS);
    const squares = row.reduce((sum, value) => sum + value * value, 0);
    const factor = 1 / Math.sqrt(squares / COLUMNS + EPS);
    row.forEach((value, i) => (out[from + i] = value * weights[i]! * factor));
  }
  return out;
}

/** [RESULTS, COLUMNS], and as they are on the GPU: exact in the format, some groups 32 times as large as others. */
function weightsFor(format: MatrixFormat) {
  const count = RESULTS * COLUMNS;
  if (isQuantFormat(format)) {
    const groups = exactGroups(format, count);
    return { weights: valuesOf(groups), packed: packGroups(groups, format) };
  }
  const weights = Float32Array.from({ length: count }, (_, i) => {
    const size = Math.floor(i / 32) % 13 === 0 ? 16 : 0.5;
    return (((i * 37) % 256) / 128 - 1) * size;
  });
  return { weights, packed: encoded(weights, format) };
}

function encoded(values: Float32Array, format: FloatType) {
  const words = new Uint32Array(values.buffer);
  if (format === "F32")
    return packRows(new Uint8Array(values.buffer), "F32", COLUMNS, format);
  const halves = Uint16Array.from(values, (value, i) =>
    format === "F16" ? floatToHalf(value) : words[i]! >>> 16,
  );
  return { weights: new Uint8Array(halves.buffer), scales: undefined };
}

/** The largest error of the first rows, relative to their largest result; NaN counts as infinite. */
function relativeError(
  got: Float32Array,
  x: ArrayLike<number>,
  weights: Float32Array,
  rows: number,
): number {
  let error = 0;
  let largest = 0;
  for (let row = 0; row < rows; row++)
    for (let n = 0; n < RESULTS; n++) {
      let sum = 0;
      for (let k = 0; k < COLUMNS; k++)
        sum += x[row * COLUMNS + k]! * weights[n * COLUMNS + k]!;
      const difference = Math.abs(got[row * STRIDE + n]! - sum);
      error = Math.max(error, Number.isNaN(difference) ? Infinity : difference);
      largest = Math.max(largest, Math.abs(sum));
    }
  return error / largest;
}
