// The kernels around the layers: embedding, final norm, page table.
import { expect, test } from "vitest";
import { WEIGHT_FORMAT } from "../../src/kernels/formats";
import { appendPage } from "../../src/kernels/append-page";
import { embed } from "../../src/kernels/embed";
import { normAdd } from "../../src/kernels/norm-add";
import { rmsNorm } from "../../src/kernels/rms-norm";
import type { MatrixFormat } from "../../src/model/weights/matrix-format";
import { PAGE_ENTRY_WORDS } from "../../src/memory/page-pool";
import { SAMPLED } from "../../src/model/network/step";
import { embed as embedReference } from "../reference/embed";
import { rmsNorm as normReference } from "../reference/rms-norm";
import {
  downloadFloats,
  downloadWords,
  emptyBuffer,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
  uploadStep,
  withoutPadding,
} from "../support/gpu";
import { seededNormals } from "../support/random";
import { testMatrix } from "../support/quantised";
import "../support/matchers";

const gpu = await testGpu();

test.each<{ type: MatrixFormat; columns: number; scale?: number }>([
  { type: "F32", columns: 192 },
  { type: "F16", columns: 7 },
  { type: "BF16", columns: 1000 },
  { type: "Q2", columns: 256 },
  { type: "Q3", columns: 512 },
  { type: "Q4", columns: 576 },
  { type: "IQ4", columns: 96 },
  { type: "Q5", columns: 608 },
  { type: "Q6", columns: 96 },
  { type: "Q8", columns: 96 },
  { type: "F32", columns: 64, scale: 8 },
])(
  "an embedding is its row of the table: $type × $columns, times $scale",
  async ({ type, columns, scale = 1 }) => {
    const vocabulary = 11;
    const table = testMatrix(type, vocabulary, columns, 1);
    const tokens = [3, 0, 10, 3, SAMPLED, 99];
    const x = emptyBuffer(gpu, tokens.length * Math.ceil(columns / 8) * 8 * 4);
    const kernel = await embed(gpu, { weight_format: WEIGHT_FORMAT[type] });
    const step = uploadStep(gpu, { rows: tokens.map((token) => ({ token })) });
    // The table in two parts, the cut between tokens 3 and 4.
    const part = (first: number, count: number) =>
      kernel.record(
        {
          step,
          sampled: upload(gpu, Uint32Array.of(7)),
          weight: upload(gpu, slice(table.weights, first, count, vocabulary)),
          scales: upload(gpu, slice(table.scales, first, count, vocabulary)),
          x,
        },
        {
          chunks: Math.ceil(columns / 8),
          vocab_size: vocabulary,
          first_token: first,
          token_count: count,
          scale,
        },
      );
    const parts = [part(0, 4), part(4, vocabulary - 4)];
    await inOnePass(gpu, (pass) => {
      for (const dispatch of parts) dispatch(pass, { rows: tokens.length });
    });
    // SAMPLED is the sampler's token; a token out of the vocabulary reads its last row, not foreign memory.
    const expected = embedReference(
      table.values,
      columns,
      [3, 0, 10, 3, 7, 10],
    ).map((value) => value * scale);
    const got = withoutPadding(await downloadFloats(gpu, x), columns);
    if (/Q\d/.test(type)) expect(got).toBeCloseToArray(expected, 1e-6);
    else expect(got).toEqual(Float32Array.from(expected));
  },
);

test.each([
  { columns: 192, rows: 1, scale: 1 },
  { columns: 7, rows: 3, scale: 1 }, // narrower than a workgroup
  { columns: 1000, rows: 4, scale: 0.22 }, // not a multiple of one
])(
  "a norm behind attention or MLP is added to the residual stream: $rows × $columns, times $scale",
  async ({ columns, rows, scale }) => {
    const x = seededNormals(rows * columns, 1);
    const weight = seededNormals(columns, 2);
    const before = seededNormals(rows * columns, 3);
    const residual = upload(gpu, paddedRows(before, columns));
    const dispatch = (await normAdd(gpu)).record(
      {
        step: uploadStep(gpu, {
          rows: Array.from({ length: rows }, () => ({})),
        }),
        x: upload(gpu, paddedRows(x, columns)),
        weight: upload(gpu, paddedRows(weight, columns)),
        residual,
      },
      { chunks: Math.ceil(columns / 8), columns, eps: 1e-5, scale },
    );
    await inOnePass(gpu, (pass) => dispatch(pass, { rows }));
    const normed = normReference(x, weight, 1e-5);
    const got = await downloadFloats(gpu, residual);
    expect(withoutPadding(got, columns)).toBeCloseToArray(
      normed.map((value, i) => before[i]! + value * scale),
      1e-6,
    );
  },
);

test.each([
  { columns: 192, rows: 1, asked: 1 }, // the demo model
  { columns: 7, rows: 3, asked: 2 }, // narrower than a workgroup
  { columns: 64, rows: 5, asked: 5 }, // exactly one workgroup
  { columns: 1000, rows: 4, asked: 1 }, // not a multiple of one
])(
  "the last $asked of $rows rows are normalised: $columns columns",
  async ({ columns, rows, asked }) => {
    const x = seededNormals(rows * columns, 1);
    const weight = seededNormals(columns, 2);
    const y = emptyBuffer(gpu, asked * Math.ceil(columns / 8) * 8 * 4);
    const dispatch = (await rmsNorm(gpu)).record(
      {
        step: uploadStep(gpu, {
          rows: Array.from({ length: rows }, () => ({})),
          askedRows: asked,
        }),
        x: upload(gpu, paddedRows(x, columns)),
        weight: upload(gpu, paddedRows(weight, columns)),
        y,
      },
      { chunks: Math.ceil(columns / 8), columns, eps: 1e-5 },
    );
    await inOnePass(gpu, (pass) => dispatch(pass, { asked }));
    const expected = normReference(
      x.subarray((rows - asked) * columns),
      weight,
      1e-5,
    );
    expect(
      withoutPadding(await downloadFloats(gpu, y), columns),
    ).toBeCloseToArray(expected, 1e-6);
  },
);

test.each([
  { of: "both halves", isLocal: false },
  { of: "the local layers of both", isLocal: true },
])(
  "a decode step's page enters the page tables of $of and no other entry changes",
  async ({ isLocal }) => {
    const words = 4 * PAGE_ENTRY_WORDS;
    const [lower, upper] = [
      emptyBuffer(gpu, 4 * words),
      emptyBuffer(gpu, 4 * words),
    ];
    const entry = [100, 90, 32, 7, 5];
    const step = uploadStep(gpu, {
      rows: [{}],
      ...(isLocal && {
        local: { lowerPages: 3, upperPages: 4, lowerSplits: 1, upperSplits: 1 },
      }),
      [isLocal ? "appendedLocal" : "appended"]: {
        lower: [2, 40, ...entry],
        upper: [3, 50, ...entry],
      },
    });
    const dispatch = (await appendPage(gpu)).record(
      { step, lower_table: lower, upper_table: upper },
      { is_local: Number(isLocal) },
    );
    await inOnePass(gpu, (pass) => dispatch(pass, {}));
    const zeros = (entries: number) =>
      Array<number>(entries * PAGE_ENTRY_WORDS).fill(0);
    expect([...(await downloadWords(gpu, lower))]).toEqual([
      ...zeros(2),
      40,
      ...entry,
      ...zeros(1),
    ]);
    expect([...(await downloadWords(gpu, upper))]).toEqual([
      ...zeros(3),
      50,
      ...entry,
    ]);
  },
);

/** Rows of a matrix of `rows` rows in all. */
function slice<Bytes extends Uint8Array | Uint32Array>(
  data: Bytes,
  first: number,
  count: number,
  rows: number,
): Bytes {
  const size = data.length / rows;
  return data.slice(first * size, (first + count) * size) as Bytes;
}
