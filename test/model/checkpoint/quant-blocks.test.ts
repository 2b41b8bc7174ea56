// Quantised blocks: read as their format defines them, and packed for the GPU without losing what they are.
import { describe, expect, test } from "vitest";
import { readBlocks } from "../../../src/model/checkpoint/quant-blocks";
import type { BlockType } from "../../../src/model/checkpoint/checkpoint";
import { packRows } from "../../../src/model/weights/matrix-format";
import { quantize, valuesOf } from "../../../src/model/weights/quantize";
import { floatToHalf, halfToFloat } from "../../../src/util/float16";
import { dequantised } from "../../reference/blocks";
import { randomBlocks } from "../../support/random-blocks";
import { seededNormals } from "../../support/random";
import { encode, f16Bits, f16Value } from "../../support/tensors";
import "../../support/matchers";

const TYPES: BlockType[] = [
  "Q4_0",
  "Q4_1",
  "Q5_0",
  "Q5_1",
  "Q8_0",
  "Q4_K",
  "Q5_K",
  "Q6_K",
];
/** What a matrix on the GPU stands for, in double precision. */
function unpacked(
  { weights, scales }: ReturnType<typeof packRows>,
  bits: 4 | 8,
): Float64Array {
  const words = new Uint32Array(scales!.buffer, 0, scales!.length / 4);
  return Float64Array.from({ length: (weights.length * 8) / bits }, (_, i) => {
    const byte = weights[Math.floor((i * bits) / 8)]!;
    const quant = Math.floor(byte / 2 ** ((i * bits) % 8)) % 2 ** bits;
    const word = words[Math.floor(i / 32)]!;
    return f16Value(word % 65536) * quant + f16Value(Math.floor(word / 65536));
  });
}

describe.each(TYPES)("%s", (type) => {
  test("is read as its format defines it", () => {
    const bytes = randomBlocks(type, 2048);
    const values = valuesOf(readBlocks(type, bytes));
    expect(values).toEqual(Float32Array.from(dequantised(type, bytes)));
  });

  test("is on the GPU what it is in the file", () => {
    const bytes = randomBlocks(type, 2048, 7);
    const expected = dequantised(type, bytes);
    const bits = type.startsWith("Q4") ? 4 : 8;
    const format = bits === 4 ? "Q4" : "Q8";
    const got = unpacked(packRows(bytes, type, 512, format), bits);
    if (!type.endsWith("K")) {
      expect(got).toEqual(expected);
      return;
    }
    // Scales and offsets of these are products, and rounded to halves; Q6_K's groups of 16 are joined.
    const far = Math.max(...expected.map(Math.abs));
    const error = Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)));
    expect(error / far).toBeLessThan(type === "Q6_K" ? 1 / 200 : 1 / 900);
    expect(error).toBeGreaterThan(0);
  });
});

test("four bits are enough for eight where a matrix is joined of both", () => {
  const bytes = randomBlocks("Q4_0", 1024);
  const got = unpacked(packRows(bytes, "Q4_0", 256, "Q8"), 8);
  expect(got).toEqual(dequantised("Q4_0", bytes));
});

describe.each([4, 8] as const)("quantising to %s bits", (bits) => {
  const values = seededNormals(64 * 32, 3, 0.1);

  test("is off by half a step at most, or by what clipping gains", () => {
    const got = valuesOf(quantize(values, bits));
    for (let group = 0; group < 64; group++) {
      const mine = values.subarray(32 * group, 32 * (group + 1));
      const step = (Math.max(...mine) - Math.min(...mine)) / (2 ** bits - 1);
      const errors = mine.map((v, i) => Math.abs(v - got[32 * group + i]!));
      const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
      // Of an even spread the mean square is a twelfth of the step's.
      expect(squares / 32).toBeLessThan(step ** 2 / 8);
      expect(Math.max(...errors)).toBeLessThan(step * (bits === 8 ? 0.6 : 2));
    }
  });

  test("values that are the same stay what they are", () => {
    const same = new Float32Array(32).fill(0.25);
    expect(valuesOf(quantize(same, bits))).toEqual(same);
    expect(valuesOf(quantize(new Float32Array(32), bits))).toEqual(
      new Float32Array(32),
    );
  });

  test("comes out the same whichever float type the checkpoint has", () => {
    const exact = values.map((value) => Math.round(value * 64) / 64);
    const packed = (["F32", "F16", "BF16"] as const).map((type) =>
      packRows(encode(type, exact), type, 64, bits === 4 ? "Q4" : "Q8"),
    );
    expect(packed[1]).toEqual(packed[0]);
    expect(packed[2]).toEqual(packed[0]);
  });
});

test("halves are rounded to the nearest, ties to even, and all of them come back", () => {
  for (let half = 0; half < 0x7c00; half++) {
    expect(floatToHalf(halfToFloat(half))).toBe(half);
    expect(floatToHalf(-halfToFloat(half))).toBe(half | 0x8000);
  }
  for (const value of seededNormals(4000, 5))
    for (const size of [1, 1e-5, 3e-8, 1000])
      expect(floatToHalf(value * size)).toBe(f16Bits(value * size));
  expect(halfToFloat(floatToHalf(1e9))).toBe(65504);
  expect(halfToFloat(floatToHalf(-1e9))).toBe(-65504);
});
