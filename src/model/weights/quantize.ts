/** Quantises floats to groups of integers that share a scale and an offset, for a matrix of 4 or 8 bits. */
import { floatToHalf, halfToFloat } from "../../util/float16";
import type { Groups } from "../checkpoint/quant-blocks";
import { GROUP } from "./quant-formats";

/**
 * Shares of a group's range to spread the levels over. If few values lie far out, clipping them costs less than
 * coarse steps for all: with 4 bits, the share with the least squared error is used.
 */
const SHARES = { 4: [1, 0.92, 0.84], 8: [1] } as const;

/** @param values whole groups; scales and offsets are rounded to f16, as they are on the GPU */
export function quantize(values: Float32Array, bits: 4 | 8): Groups {
  const count = values.length / GROUP;
  const groups: Groups = {
    size: GROUP,
    quants: new Uint8Array(values.length),
    scales: new Float32Array(count),
    offsets: new Float32Array(count),
  };
  for (let group = 0; group < count; group++)
    quantizeGroup(values, group, bits, groups);
  return groups;
}

function quantizeGroup(
  values: Float32Array,
  group: number,
  bits: 4 | 8,
  { quants, scales, offsets }: Groups,
): void {
  const from = group * GROUP;
  const to = from + GROUP;
  const levels = 2 ** bits - 1;
  let low = values[from]!;
  let high = low;
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  let least = Infinity;
  let best = 0;
  const shares = SHARES[bits];
  for (let n = 0; n < shares.length; n++) {
    const cut = ((high - low) * (1 - shares[n]!)) / 2;
    const scale = rounded((high - low - 2 * cut) / levels);
    const offset = rounded(low + cut);
    const inverse = scale === 0 ? 0 : 1 / scale;
    let error = 0;
    for (let i = from; i < to; i++) {
      const value = values[i]! - offset;
      const quant = nearest(value * inverse, levels);
      const off = scale * quant - value;
      error += off * off;
      quants[i] = quant;
    }
    if (error >= least) continue;
    least = error;
    best = n;
    scales[group] = scale;
    offsets[group] = offset;
  }
  // The arrays hold the result of the last share tried.
  if (best === shares.length - 1) return;
  const [scale, offset] = [scales[group]!, offsets[group]!];
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = from; i < to; i++)
    quants[i] = nearest((values[i]! - offset) * inverse, levels);
}

function nearest(level: number, levels: number): number {
  return level <= 0 ? 0 : level >= levels ? levels : (level + 0.5) | 0;
}

function rounded(value: number): number {
  return halfToFloat(floatToHalf(value));
}

/** Dequantises groups. */
export function valuesOf({
  size,
  quants,
  scales,
  offsets,
}: Groups): Float32Array {
  const values = new Float32Array(quants.length);
  for (let i = 0; i < quants.length; i++) {
    const group = Math.floor(i / size);
    values[i] = scales[group]! * quants[i]! + offsets[group]!;
  }
  return values;
}
