import { expect, test } from "vitest";
import { KV_FORMAT } from "../../src/kernels/formats";
import { ropeAppend } from "../../src/kernels/rope-append";
import { inverseFrequencies } from "../reference/rope";
import { ropeAppend as reference } from "../reference/rope-append";
import {
  downloadFloats,
  downloadWords,
  emptyBuffer,
  f16Value,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
  uploadStep,
} from "../support/gpu";
import { type PageFormat, rotations } from "../support/pages";
import { seededNormals } from "../support/random";

const gpu = await testGpu();
const PAGES = 8;

test.each<{
  heads: number;
  kvHeads: number;
  headDim: number;
  rotaryDim?: number;
  normalizes?: boolean;
  format?: PageFormat;
}>([
  { heads: 6, kvHeads: 2, headDim: 32 }, // the demo model
  { heads: 1, kvHeads: 1, headDim: 8 },
  { heads: 7, kvHeads: 1, headDim: 64, normalizes: true },
  { heads: 4, kvHeads: 2, headDim: 80, normalizes: true },
  { heads: 2, kvHeads: 1, headDim: 128, normalizes: true, format: "f16" },
  { heads: 2, kvHeads: 2, headDim: 256, normalizes: true },
  { heads: 6, kvHeads: 2, headDim: 32, format: "f16" },
  { heads: 3, kvHeads: 1, headDim: 128, rotaryDim: 96, format: "f16" },
  { heads: 2, kvHeads: 2, headDim: 40, rotaryDim: 8, normalizes: true },
])(
  "agrees with the reference: $heads heads, $kvHeads for keys, of $headDim, $rotaryDim rotated; norm=$normalizes $format",
  async ({
    heads,
    kvHeads,
    headDim,
    rotaryDim = headDim,
    normalizes = false,
    format = "f32",
  }) => {
    const kernel = await ropeAppend(gpu, {
      head_dim: headDim,
      rotary_dim: rotaryDim,
      kv_format: KV_FORMAT[format],
    });
    const localPositions = [0, 1, 15, 16, 255, 256, 300, 5000];
    const slots = [0, 127, 16, 31, 64, 1, 99, 2];
    const rows = slots.length;
    const columns = (heads + 2 * kvHeads) * headDim;
    const qkv = seededNormals(rows * columns, 1);
    const qNorm = seededNormals(headDim, 2);
    const kNorm = seededNormals(headDim, 3);
    const poolValues = PAGES * 16 * kvHeads * headDim;

    const qkvBuffer = upload(gpu, paddedRows(qkv, columns));
    const bytes = poolValues * (format === "f16" ? 2 : 4);
    const [k, v] = [emptyBuffer(gpu, bytes), emptyBuffer(gpu, bytes)];
    const dispatch = kernel.record(
      {
        step: uploadStep(gpu, {
          rows: slots.map((upperSlot, i) => ({
            localPosition: localPositions[i]!,
            upperSlot,
            lowerSlot: 77,
          })),
        }),
        rope: upload(gpu, rotations(rotaryDim, 10_000, 6000)),
        q_norm: upload(gpu, qNorm),
        k_norm: upload(gpu, kNorm),
        qkv: qkvBuffer,
        k_pages: k,
        v_pages: v,
      },
      {
        heads,
        kv_heads: kvHeads,
        first_head: normalizes ? 0 : heads,
        qkv_stride: Math.ceil(columns / 8) * 8,
        normalizes: Number(normalizes),
        eps: 1e-6,
        half: 1,
      },
    );
    await inOnePass(gpu, (pass) =>
      dispatch(pass, { rows, heads: normalizes ? heads + kvHeads : kvHeads }),
    );

    const expected = reference({
      qkv,
      heads,
      kvHeads,
      headDim,
      localPositions,
      frequencies: inverseFrequencies(10_000, rotaryDim),
      ...(normalizes && { qNorm, kNorm, eps: 1e-6 }),
    });
    const stored = async (buffer: GPUBuffer) =>
      format === "f32"
        ? await downloadFloats(gpu, buffer)
        : Float64Array.from(
            new Uint16Array((await downloadWords(gpu, buffer)).buffer),
            f16Value,
          );
    const [keys, values] = [await stored(k), await stored(v)];
    const tolerance = format === "f16" ? 1e-3 : 3e-6;
    slots.forEach((slot, row) => {
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        const at =
          ((Math.floor(slot / 16) * kvHeads + kvHead) * 16 + (slot % 16)) *
          headDim;
        const of = (row * kvHeads + kvHead) * headDim;
        expect(keys.subarray(at, at + headDim)).toBeCloseToArray(
          expected.k.subarray(of, of + headDim),
          tolerance,
        );
        expect(values.subarray(at, at + headDim)).toBeCloseToArray(
          expected.v.subarray(of, of + headDim),
          tolerance,
        );
      }
    });
    // Nothing else in the pools was touched.
    expect(values.filter((value) => value !== 0).length).toBe(
      rows * kvHeads * headDim,
    );

    const after = await downloadFloats(gpu, qkvBuffer);
    const q = new Float32Array(rows * heads * headDim);
    for (let row = 0; row < rows; row++) {
      const from = row * Math.ceil(columns / 8) * 8;
      q.set(
        after.subarray(from, from + heads * headDim),
        row * heads * headDim,
      );
    }
    expect(q).toBeCloseToArray(expected.q, 3e-6);
  },
);

test("what f16 can't hold is cut to its range", async () => {
  const kernel = await ropeAppend(gpu, {
    head_dim: 8,
    rotary_dim: 8,
    kv_format: KV_FORMAT.f16,
  });
  const v = emptyBuffer(gpu, 16 * 8 * 2);
  const dispatch = kernel.record(
    {
      step: uploadStep(gpu, { rows: [{}] }),
      rope: upload(gpu, rotations(8, 10_000, 1)),
      q_norm: upload(gpu, new Float32Array(8)),
      k_norm: upload(gpu, new Float32Array(8)),
      qkv: upload(
        gpu,
        Float32Array.from([
          ...Array<number>(16).fill(0),
          1e6,
          -1e6,
          1,
          2,
          3,
          4,
          5,
          6,
        ]),
      ),
      k_pages: emptyBuffer(gpu, 16 * 8 * 2),
      v_pages: v,
    },
    {
      heads: 1,
      kv_heads: 1,
      first_head: 1,
      qkv_stride: 24,
      normalizes: 0,
      eps: 0,
      half: 0,
    },
  );
  await inOnePass(gpu, (pass) => dispatch(pass, { rows: 1, heads: 1 }));
  const halves = new Uint16Array((await downloadWords(gpu, v)).buffer);
  expect([...halves.subarray(0, 8)].map(f16Value)).toEqual([
    65504, -65504, 1, 2, 3, 4, 5, 6,
  ]);
});
