import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { randomModel } from "../fixtures/random-model";
import { parseSafetensors, rondoTinyFiles } from "../golden/rondo-tiny";
import "./matchers";
import {
  seededInts,
  seededNormals,
  seededRandom,
  seededUniforms,
} from "./random";
import {
  bf16Bits,
  bf16Value,
  decode,
  encode,
  f16Bits,
  f16Value,
  memoryCheckpoint,
  rounded,
} from "./tensors";

describe("toBeCloseToArray", () => {
  const failure = (got: number[], expected: number[], tolerance: number) => {
    try {
      expect(got).toBeCloseToArray(expected, tolerance);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };

  test("measures against the largest expected value, or against 1", () => {
    expect([0.05, 100]).toBeCloseToArray([0, 100.05], 1e-3);
    expect(failure([0.2, 100], [0, 100], 1e-3)).not.toBeNull();
    expect([0.0005]).toBeCloseToArray([0], 1e-3);
    expect(failure([0.002], [0], 1e-3)).not.toBeNull();
  });

  test("names the worst value", () => {
    const message = failure([1, 2.5, 3.1], [1, 2, 3], 1e-3);
    expect(message).toMatch(/value 1 of 3 .*got 2\.5, expected 2$/);
  });

  test("takes neither NaN nor another length", () => {
    expect(failure([NaN], [1], 10)).toMatch(/got NaN/);
    expect(failure([NaN], [NaN], 10)).toMatch(/got NaN/);
    expect(failure([1, 2], [1], 10)).toMatch(/expected 1 values, got 2/);
  });

  test("takes an infinity only where it is expected", () => {
    expect([-Infinity, 1]).toBeCloseToArray([-Infinity, 1], 1e-6);
    expect(failure([Infinity], [1], 1e-6)).not.toBeNull();
    expect(failure([1, 5], [-Infinity, 5], 1e-6)).not.toBeNull();
  });
});

describe("seeded numbers", () => {
  test("are the same for the same seed, and others for the next", () => {
    expect(seededNormals(5, 1)).toEqual(seededNormals(5, 1));
    expect(seededNormals(5, 1)).not.toEqual(seededNormals(5, 2));
    expect(seededNormals(5, 1)).toEqual(seededNormals(6, 1).subarray(0, 5));
  });

  test("have the mean and the deviation they promise", () => {
    const moments = (values: Float32Array) => {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
      return [mean, Math.sqrt(square / values.length)];
    };
    const n = 100_000;
    expect(moments(seededNormals(n, 3, 2))).toBeCloseToArray([0, 2], 0.01);
    const uniforms = seededUniforms(n, 4, -1, 3);
    expect(moments(uniforms)).toBeCloseToArray([1, 4 / Math.sqrt(12)], 0.01);
  });

  test("stay inside their bounds and reach all of them", () => {
    expect(new Set(seededInts(1000, 7, 5))).toEqual(
      new Set([0, 1, 2, 3, 4, 5, 6]),
    );
    const random = seededRandom(6);
    for (let i = 0; i < 1000; i++) {
      const value = random();
      expect(value >= 0 && value < 1).toBe(true);
    }
  });
});

describe("half precision", () => {
  test("every finite pattern comes back as it was", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const half = f16Value(bits);
      if (!Number.isNaN(half)) expect(f16Bits(half)).toBe(bits);
      const brain = bf16Value(bits);
      if (!Number.isNaN(brain)) expect(bf16Bits(brain)).toBe(bits);
    }
  });

  test("rounds to the nearest, ties to even", () => {
    expect(f16Value(f16Bits(1 + 2 ** -11))).toBe(1);
    expect(f16Value(f16Bits(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
    expect(f16Value(f16Bits(1 + 2 ** -11 + 2 ** -20))).toBe(1 + 2 ** -10);
    expect(f16Value(f16Bits(2 ** -25))).toBe(0);
    expect(f16Value(f16Bits(1.5 * 2 ** -24))).toBe(2 ** -23);
    expect(f16Value(f16Bits(2 ** -14 - 2 ** -26))).toBe(2 ** -14);
    expect(f16Value(f16Bits(65519))).toBe(65504);
    expect(f16Value(f16Bits(-65520))).toBe(-Infinity);
    expect(bf16Value(bf16Bits(1 + 2 ** -8))).toBe(1);
    expect(bf16Value(bf16Bits(1 + 3 * 2 ** -8))).toBe(1 + 2 ** -6);
    expect(bf16Value(bf16Bits(3.4e38))).toBe(Infinity);
  });

  test("keeps NaN", () => {
    expect(f16Value(f16Bits(NaN))).toBeNaN();
    expect(bf16Value(bf16Bits(NaN))).toBeNaN();
  });
});

describe("a checkpoint in memory", () => {
  test.each(["F32", "BF16", "F16"] as const)(
    "gives every row of every %s tensor once, in pieces of whole rows",
    async (type) => {
      const { tensors } = randomModel({ preset: "narrow-heads", type });
      const checkpoint = memoryCheckpoint(tensors, { pieceBytes: 4096 });
      const got = new Map<string, number[]>();
      let bytesRead = 0;
      for await (const { tensor, firstRow, bytes } of checkpoint.read()) {
        const values = got.get(tensor.name) ?? [];
        const columns = tensor.shape[1] ?? 0;
        expect(values.length).toBe(firstRow * columns);
        expect(bytes.byteOffset % 4).toBe(0);
        expect(bytes.byteLength).toBeLessThanOrEqual(4096);
        got.set(tensor.name, [...values, ...decode(type, bytes)]);
        bytesRead += bytes.byteLength;
      }
      expect(bytesRead).toBe(checkpoint.totalBytes);
      expect([...got.keys()]).toEqual([...tensors.keys()]);
      for (const [name, { values }] of tensors) {
        expect(got.get(name)).toEqual(Array.from(values));
      }
    },
  );

  test("encodes the demo model into the very bytes of its file", async () => {
    const file = Uint8Array.from(await readFile(rondoTinyFiles.model));
    const checkpoint = memoryCheckpoint(parseSafetensors(file.buffer));
    let offset = file.length - checkpoint.totalBytes;
    for await (const { bytes } of checkpoint.read()) {
      const stored = file.subarray(offset, offset + bytes.length);
      expect(Buffer.compare(bytes, stored)).toBe(0);
      offset += bytes.length;
    }
    expect(offset).toBe(file.length);
  });

  test("stops with the signal's reason", async () => {
    const { tensors } = randomModel();
    const reading = async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      for await (const piece of memoryCheckpoint(tensors).read(signal)) {
        expect(piece).toBeUndefined();
      }
    };
    await expect(reading()).rejects.toThrow("enough");
  });

  test("stores values that are rounded already without another loss", () => {
    const values = seededNormals(1000, 8);
    for (const type of ["BF16", "F16"] as const) {
      const once = rounded(type, values);
      expect(once).not.toEqual(values);
      expect(decode(type, encode(type, once))).toEqual(once);
    }
  });
});
