/** Floats as groups of whole numbers that share a scale and an offset, for a matrix of 4 or 8 bits. */
import { floatToHalf, halfToFloat } from "../util/half";
import type { Groups } from "./blocks";

/** Values of a group. */
export const GROUP = 32;

/**
 * Shares of a group's range that the levels are spread over. Where few values lie far out, clipping them
 * costs less than coarse steps for all: of 4 bits, the one with the least squared error is taken.
 */
const SHARES = { 4: [1, 0.92, 0.84], 8: [1] } as const;

/** @param values whole groups; scales and offsets are rounded to halves, as they are on the GPU */
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
  const levels = 2 ** bits - 1;
  let low = Infinity;
  let high = -Infinity;
  for (let i = from; i < from + GROUP; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  let least = Infinity;
  for (const share of SHARES[bits]) {
    const cut = ((high - low) * (1 - share)) / 2;
    const scale = rounded((high - low - 2 * cut) / levels);
    const offset = rounded(low + cut);
    const inverse = scale === 0 ? 0 : 1 / scale;
    let error = 0;
    for (let i = from; i < from + GROUP; i++) {
      const quant = nearest((values[i]! - offset) * inverse, levels);
      error += (scale * quant + offset - values[i]!) ** 2;
    }
    if (error >= least) continue;
    least = error;
    scales[group] = scale;
    offsets[group] = offset;
  }
  const scale = scales[group]!;
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = from; i < from + GROUP; i++)
    quants[i] = nearest((values[i]! - offsets[group]!) * inverse, levels);
}

function nearest(level: number, levels: number): number {
  return Math.max(0, Math.min(levels, Math.round(level)));
}

function rounded(value: number): number {
  return halfToFloat(floatToHalf(value));
}

/** The values that groups stand for. */
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
