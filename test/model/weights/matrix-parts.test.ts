// Which tensors of a matrix share a dispatch, and in which format.
import { describe, expect, test } from "vitest";
import type { TensorType } from "../../../src/model/checkpoint/checkpoint";
import type { WeightBits } from "../../../src/model/weights/matrix-format";
import {
  matrixParts,
  SPLIT_BYTES,
} from "../../../src/model/weights/matrix-parts";

/** The parts in words: "Q5 × 1024, Q8 × 128". */
function partsOf(
  tensors: readonly [TensorType, rows: number][],
  {
    columns = 1024,
    bits = 16,
    isGated = false,
  }: { columns?: number; bits?: WeightBits; isGated?: boolean } = {},
): string {
  const kinds = tensors.map(([type, rows]) => ({
    type,
    shape: [rows, columns],
  }));
  return matrixParts(kinds, bits, isGated)
    .map(({ format, rows }) => `${format} × ${rows}`)
    .join(", ");
}

describe("tensors of one matrix", () => {
  test("of one format are one part, whatever their types", () => {
    const floats = [["BF16", 512] as const, ["BF16", 64] as const];
    expect(partsOf([...floats, ["BF16", 64]] as never)).toBe("BF16 × 640");
    expect(
      partsOf([
        ["Q4_0", 512],
        ["Q4_K", 64],
        ["Q4_1", 64],
      ]),
    ).toBe("Q4 × 640");
  });

  test("of several formats keep their own where that saves enough", () => {
    expect(
      partsOf([
        ["Q5_0", 896],
        ["Q5_0", 128],
        ["Q8_0", 128],
      ]),
    ).toBe("Q5 × 1024, Q8 × 128");
  });

  test("share a format that holds both where it does not", () => {
    // Q5 in Q8 takes 3 more bits a weight.
    const rows = (SPLIT_BYTES * 8) / 3 / 1024;
    const of = (rows: number) =>
      partsOf([
        ["Q5_0", rows],
        ["Q8_0", 128],
      ]);
    expect(of(Math.floor(rows))).toBe(`Q8 × ${Math.floor(rows) + 128}`);
    expect(of(Math.ceil(rows))).toBe(`Q5 × ${Math.ceil(rows)}, Q8 × 128`);
  });

  test("never share one that would round either again", () => {
    expect(
      partsOf([
        ["Q4_K", 16],
        ["Q6_K", 16],
        ["Q2_K", 16],
      ]),
    ).toBe("Q4 × 16, Q6 × 16, Q2 × 16");
    expect(
      partsOf([
        ["F16", 16],
        ["Q8_0", 16],
      ]),
    ).toBe("F16 × 16, Q8 × 16");
  });

  test("in floats are one part in F32 where they are small, and have the bits that were asked for", () => {
    const mixed: [TensorType, number][] = [
      ["F16", 16],
      ["BF16", 16],
    ];
    expect(partsOf(mixed)).toBe("F32 × 32");
    expect(partsOf(mixed, { bits: 4 })).toBe("Q4 × 32");
    expect(partsOf(mixed, { bits: 8 })).toBe("Q8 × 32");
    expect(partsOf(mixed, { bits: 8, columns: 72 })).toBe("F32 × 32");
  });
});

describe("gate and up are one part", () => {
  test.each([
    ["Q5_0", "Q5_1", "Q5"],
    ["Q4_0", "Q8_0", "Q8"],
    ["Q5_0", "Q6_K", "Q6"],
    ["Q3_K", "Q6_K", "Q6"],
    ["Q4_K", "Q6_K", "Q8"], // no format holds both
    ["F16", "Q4_0", "Q8"],
  ] as const)("%s and %s: %s", (gate, up, format) => {
    expect(
      partsOf(
        [
          [gate, 4096],
          [up, 4096],
        ],
        { isGated: true },
      ),
    ).toBe(`${format} × 8192`);
  });
});
