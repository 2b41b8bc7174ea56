/** The device under test, and arrays on it. No adapter, no pass. */
import { Gpu, type Pass } from "../../src/gpu/gpu";
import { readBuffer } from "../../src/gpu/readback";
import { sharedGpu } from "./shared-gpu";
import {
  type Step,
  StepBuffer,
  type StepRow,
} from "../../src/model/network/step";

export { f16Value } from "./tensors";

/** A device, or a failure that says there is none. */
export function testGpu(): Promise<Gpu> {
  return Gpu.open(sharedGpu);
}

/** A buffer that holds the array. */
export function upload(
  gpu: Gpu,
  data: Float32Array | Uint32Array | Uint8Array,
): GPUBuffer {
  const buffer = emptyBuffer(gpu, data.byteLength);
  gpu.write(buffer, 0, data);
  return buffer;
}

export function emptyBuffer(gpu: Gpu, bytes: number): GPUBuffer {
  return gpu.buffer({ label: "test", memoryClass: "activations", bytes });
}

export async function downloadFloats(
  gpu: Gpu,
  buffer: GPUBuffer,
  count = buffer.size / 4,
): Promise<Float32Array> {
  return new Float32Array(await readBuffer(gpu, buffer, 0, count * 4));
}

export async function downloadWords(
  gpu: Gpu,
  buffer: GPUBuffer,
  count = buffer.size / 4,
): Promise<Uint32Array> {
  return new Uint32Array(await readBuffer(gpu, buffer, 0, count * 4));
}

/** Runs dispatches and waits for them. */
export async function inOnePass(
  gpu: Gpu,
  encode: (pass: Pass) => void,
): Promise<void> {
  gpu.submit("test", encode);
  await gpu.done();
}

/** A step buffer with these rows; what is not given is 0, splits are 1. */
export function uploadStep(
  gpu: Gpu,
  step: Partial<Omit<Step, "rows">> & { rows: readonly Partial<StepRow>[] },
): GPUBuffer {
  const rows = step.rows.map((row) => ({
    token: 0,
    position: 0,
    localPosition: 0,
    lowerSlot: 0,
    upperSlot: 0,
    ...row,
  }));
  const buffer = new StepBuffer(gpu, rows.length);
  buffer.write({
    askedRows: 0,
    lowerPages: 0,
    upperPages: 0,
    lowerSplits: 1,
    upperSplits: 1,
    ...step,
    rows,
  });
  return buffer.buffer;
}

/** Rows of `columns` values, each padded with zeros to a multiple of eight. */
export function paddedRows(
  values: Float32Array,
  columns: number,
): Float32Array {
  const stride = Math.ceil(columns / 8) * 8;
  const rows = values.length / columns;
  const out = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    out.set(values.subarray(row * columns, (row + 1) * columns), row * stride);
  }
  return out;
}

/** The values of padded rows. */
export function withoutPadding(
  values: Float32Array,
  columns: number,
): Float32Array {
  const stride = Math.ceil(columns / 8) * 8;
  const rows = values.length / stride;
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    out.set(
      values.subarray(row * stride, row * stride + columns),
      row * columns,
    );
  }
  return out;
}
