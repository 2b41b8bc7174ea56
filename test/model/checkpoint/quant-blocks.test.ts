// Quantised blocks: read as their format defines them, and packed for the GPU without losing what they are.
import { describe, expect, test } from "vitest";
import { readBlocks } from "../../../src/model/checkpoint/quant-blocks";
import type { BlockType } from "../../../src/model/checkpoint/checkpoint";
import {
  matrixFormat,
  packRows,
} from "../../../src/model/weights/matrix-format";
import {
  holds,
  QUANT_FORMATS,
  type QuantFormat,
} from "../../../src/model/weights/quant-formats";
import { quantize, valuesOf } from "../../../src/model/weights/quantize";
import { floatToHalf, halfToFloat } from "../../../src/util/float16";
import vectors from "../../fixtures/blocks/vectors.json";
import { dequantised } from "../../reference/blocks";
import { unpacked } from "../../support/quantised";
import { randomBlocks } from "../../support/random-blocks";
import { seededNormals } from "../../support/random";
import { encode, f16Bits } from "../../support/tensors";
import "../../support/matchers";

const TYPES: BlockType[] = [
  "Q2_K",
  "Q3_K",
  "Q4_0",
  "Q4_1",
  "Q4_K",
  "IQ4_NL",
  "IQ4_XS",
  "Q5_0",
  "Q5_1",
  "Q5_K",
  "Q6_K",
  "Q8_0",
];

/** In a format that holds the type's quants, and bits of a weight on the GPU. */
const ON_GPU: Record<BlockType, [QuantFormat, number]> = {
  Q2_K: ["Q2", 4],
  Q3_K: ["Q3", 4],
  Q4_0: ["Q4", 5],
  Q4_1: ["Q4", 5],
  Q4_K: ["Q4", 5],
  IQ4_NL: ["IQ4", 5],
  IQ4_XS: ["IQ4", 5],
  Q5_0: ["Q5", 6],
  Q5_1: ["Q5", 6],
  Q5_K: ["Q5", 6],
  Q6_K: ["Q6", 7],
  Q8_0: ["Q8", 9],
};

/** Types whose scales are products, which no half has. */
const ROUNDED = /_K|XS/;

describe.each(TYPES)("%s", (type) => {
  test("is read as its format defines it", () => {
    const bytes = randomBlocks(type, 2048);
    const values = valuesOf(readBlocks(type, bytes)).map((v) => v + 0); // no negative zeros
    expect(values).toEqual(Float32Array.from(dequantised(type, bytes)));
  });

  test("is read as ggml's own package reads it", () => {
    const { blocks, values } = vectors[type];
    const expected = new Float32Array(bytesOf(values).buffer);
    const got = valuesOf(readBlocks(type, bytesOf(blocks)));
    const reference = dequantised(type, bytesOf(blocks));
    expect(got).toHaveLength(expected.length);
    expect(got).toBeCloseToArray(expected, 1e-6);
    expect(reference).toBeCloseToArray(expected, 1e-6);
  });

  test("is on the GPU what it is in the file", () => {
    const bytes = randomBlocks(type, 2048, 7);
    const expected = dequantised(type, bytes);
    const [format, bits] = ON_GPU[type];
    expect(matrixFormat([type], 512, 16)).toBe(format);
    const packed = packRows(bytes, type, 512, format);
    const got = unpacked(packed, format);
    expect(8 * (packed.weights.length + packed.scales!.length)).toBe(
      2048 * bits,
    );
    if (!ROUNDED.test(type)) {
      expect(got).toEqual(expected);
      return;
    }
    const far = Math.max(...expected.map(Math.abs));
    const error = Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)));
    expect(error / far).toBeLessThan(1 / 900);
    expect(error).toBeGreaterThan(0);
  });

  test("is the same in any format that holds it", () => {
    const bytes = randomBlocks(type, 2048, 9);
    const [own] = ON_GPU[type];
    const expected = unpacked(packRows(bytes, type, 512, own), own);
    const far = Math.max(...expected.map(Math.abs));
    for (const format of QUANT_FORMATS) {
      if (!holds(format, type)) continue;
      const got = unpacked(packRows(bytes, type, 512, format), format);
      // Only offsets may be halves here and products there.
      const error = Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)));
      expect(error / far).toBeLessThan(ROUNDED.test(type) ? 1e-3 : 1e-12);
    }
  });
});

test("formats that hold a type have its quants, its groups and its zero", () => {
  const held = (type: BlockType) =>
    QUANT_FORMATS.filter((format) => holds(format, type)).join(" ");
  expect(Object.fromEntries(TYPES.map((type) => [type, held(type)]))).toEqual({
    Q2_K: "Q2",
    Q3_K: "Q3 Q6",
    Q4_0: "Q4 Q5 Q6 Q8",
    Q4_1: "Q4 Q5 Q8",
    Q4_K: "Q4 Q5 Q8",
    IQ4_NL: "IQ4 Q8",
    IQ4_XS: "IQ4 Q8",
    Q5_0: "Q5 Q6 Q8",
    Q5_1: "Q5 Q8",
    Q5_K: "Q5 Q8",
    Q6_K: "Q6",
    Q8_0: "Q8",
  });
});

test("a type that its format does not hold is rounded to finer steps than its own", () => {
  const bytes = randomBlocks("Q6_K", 2048, 7);
  const expected = dequantised("Q6_K", bytes);
  const got = unpacked(packRows(bytes, "Q6_K", 512, "Q8"), "Q8");
  const far = Math.max(...expected.map(Math.abs));
  const error = Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)));
  expect(error / far).toBeLessThan(1 / 200);
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

/** Of Base64. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
