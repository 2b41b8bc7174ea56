import { expect, test } from "vitest";
import { KV_FORMAT } from "../../src/kernels/formats";
import { kvPack } from "../../src/kernels/kv-pack";
import { kvUnpack } from "../../src/kernels/kv-unpack";
import {
  groupOf,
  kvPack as reference,
  nearestEven,
} from "../reference/kv-pack";
import {
  downloadFloats,
  downloadWords,
  emptyBuffer,
  f16Value,
  inOnePass,
  testGpu,
  upload,
} from "../support/gpu";
import { pageBytes, type PageFormat } from "../support/pages";
import { seededNormals } from "../support/random";
import { f16Bits } from "../support/tensors";

const gpu = await testGpu();
const MATRICES = 3;

/** Packs two random matrices as the last two of three, unpacks the last into other pages. */
async function roundTrip({
  values,
  format,
  kvHeads,
  headDim,
  pages,
  tokens,
  target = pages,
}: {
  values: Float32Array;
  format: PageFormat;
  kvHeads: number;
  headDim: number;
  pages: number[];
  tokens: number;
  target?: number[];
}) {
  const constants = { head_dim: headDim, kv_format: KV_FORMAT[format] };
  const [pack, unpack] = await Promise.all([
    kvPack(gpu, constants),
    kvUnpack(gpu, constants),
  ]);
  const count = pages.length * kvHeads * 16 * headDim;
  const matrixBytes = count + (2 * count) / groupOf(headDim);
  const packed = emptyBuffer(gpu, MATRICES * matrixBytes);
  const source = upload(gpu, pageBytes(values, format));
  const poolPages = Math.max(...target) + 2;
  const pageValues = kvHeads * 16 * headDim;
  const restored = upload(
    gpu,
    pageBytes(new Float32Array(poolPages * pageValues).fill(7), format),
  );
  const list = (some: number[]) =>
    upload(gpu, Uint32Array.from([some.length, tokens, ...some]));
  const shape = { pages: pages.length, kvHeads };
  await inOnePass(gpu, (pass) => {
    for (const matrix of [1, 2]) {
      pack.record(
        { round_pages: list(pages), kv_pages: source, packed },
        { kv_heads: kvHeads, matrix },
      )(pass, shape);
    }
    unpack.record(
      { round_pages: list(target), packed, kv_pages: restored },
      { kv_heads: kvHeads, matrix: 2 },
    )(pass, shape);
  });

  const words = await downloadWords(gpu, packed);
  const matrix = (i: number) =>
    words.slice((i * matrixBytes) / 4, ((i + 1) * matrixBytes) / 4);
  expect(matrix(0).every((word) => word === 0)).toBe(true);
  expect(matrix(1)).toEqual(matrix(2));
  const bytes = matrix(2).buffer;
  const pool =
    format === "f32"
      ? await downloadFloats(gpu, restored)
      : Float32Array.from(
          new Uint16Array((await downloadWords(gpu, restored)).buffer),
          f16Value,
        );
  return {
    codes: new Int8Array(bytes, 0, count),
    scales: Float32Array.from(new Uint16Array(bytes, count), f16Value),
    page: (at: number) => pool.subarray(at * pageValues, (at + 1) * pageValues),
    poolPages,
  };
}

const formats: PageFormat[] = ["f32", "f16"];
const shapes = [8, 32, 64, 80, 128, 256].flatMap((headDim) =>
  [1, 2, 8].flatMap((kvHeads) =>
    formats.map((format) => ({ headDim, kvHeads, format })),
  ),
);

test.each(shapes)(
  "agrees with the reference: $kvHeads heads of $headDim, $format",
  async ({ headDim, kvHeads, format }) => {
    const pages = [5, 2, 6, 0];
    const target = [1, 7, 3, 9];
    const tokens = 3 * 16 + 7;
    const values = seededNormals(8 * kvHeads * 16 * headDim, headDim + kvHeads);
    // One value in some groups is a thousand times the others, one row is all zeros.
    for (let i = 3; i < values.length; i += 11 * headDim) values[i]! *= 1000;
    values.fill(
      0,
      2 * kvHeads * 16 * headDim,
      (2 * kvHeads * 16 + 1) * headDim,
    );
    if (format === "f16") {
      values.forEach((value, i) => (values[i] = f16Value(f16Bits(value))));
    }
    const shape = { kvHeads, headDim, pages, tokens };
    const got = await roundTrip({ values, format, target, ...shape });
    const expected = reference({ pool: values, ...shape });
    const group = groupOf(headDim);

    const wrong = [...got.codes.keys()].filter((i) => {
      const x = expected.quotients[i]!;
      const isUndecided = Math.abs(Math.abs(x % 1) - 0.5) < 1e-6;
      const error = Math.abs(got.codes[i]! - x);
      return isUndecided ? error > 0.501 : got.codes[i] !== nearestEven(x);
    });
    expect(wrong).toEqual([]);
    expect(got.scales).toHaveLength(expected.scales.length);
    got.scales.forEach((scale, row) => {
      const exact = expected.scales[row]!;
      expect(Math.abs(scale - exact)).toBeLessThanOrEqual(exact * 2 ** -10);
    });
    expect(got.scales[(kvHeads * 16 * headDim) / group]).toBe(0);

    const pageValues = kvHeads * 16 * headDim;
    target.forEach((to, index) => {
      const page = got.page(to);
      const excess = page.map((value, i) => {
        const token = Math.floor(i / headDim) % 16;
        const original =
          index * 16 + token < tokens
            ? values[pages[index]! * pageValues + i]!
            : 0;
        const scale =
          expected.scales[Math.floor((index * pageValues + i) / group)]!;
        // That of the scale to f16, and that of the page.
        const size = Math.max(Math.abs(original), scale);
        const rounding = size * (format === "f16" ? 2 ** -9 : 2 ** -10);
        return Math.abs(value - original) - scale * (0.5 + 1e-4) - rounding;
      });
      expect(Math.max(...excess)).toBeLessThanOrEqual(0);
    });
    // Nothing else in the pool was touched.
    for (let page = 0; page < got.poolPages; page++) {
      if (target.includes(page)) continue;
      expect(got.page(page).every((value) => value === 7)).toBe(true);
    }
  },
);

test.each(formats)("ties go to the even code, in %s", async (format) => {
  const values = new Float32Array(16 * 8);
  // Sizes of 254 make a code of two: odd values lie between two codes.
  values.set([254, 1, 3, 5, -1, -3, -253, 251]);
  const { codes, scales } = await roundTrip({
    values,
    format,
    kvHeads: 1,
    headDim: 8,
    pages: [0],
    tokens: 16,
  });
  expect([...codes.subarray(0, 8)]).toEqual([127, 0, 2, 2, 0, -2, -126, 126]);
  expect([...scales.subarray(0, 2)]).toEqual([2, 0]);
});

test("what f16 can't hold is cut to its range", async () => {
  const values = new Float32Array(16 * 8);
  values.set([65504, -65504, 1]);
  const { page } = await roundTrip({
    values,
    format: "f16",
    kvHeads: 1,
    headDim: 8,
    pages: [0],
    tokens: 1,
  });
  expect([...page(0).subarray(0, 4)]).toEqual([65504, -65504, 0, 0]);
});
