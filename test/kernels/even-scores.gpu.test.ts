// What one head finds in units, from its queries and keys: even-scores and even-scores-join.
import { describe, expect, test } from "vitest";
import { evenScores } from "../../src/kernels/even-scores";
import { evenScoresJoin } from "../../src/kernels/even-scores-join";
import { KV_FORMAT } from "../../src/kernels/formats";
import { evenScores as reference } from "../reference/even-scores";
import {
  downloadFloats,
  emptyBuffer,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
} from "../support/gpu";
import {
  pageBytes,
  type PageFormat,
  randomPages,
  rotations,
} from "../support/pages";
import { seededNormals } from "../support/random";
import "../support/matchers";

const gpu = await testGpu();

interface Unit {
  tokens: number;
  /** Default: even distance, which is its length. */
  ahead?: number;
  /** Pages before it are left out. */
  firstPage?: number;
}

interface Case {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** The query head that scores. Default: the last one. */
  head?: number;
  /** Values of a head that are rotated. Default: all. */
  rotaryDim?: number;
  units: readonly Unit[];
  /** The units that are scored, in this order. Default: all. */
  order?: readonly number[];
  /** How many of them, the last ones, have their keys in an index. Default: none. */
  indexed?: number;
  rows: number;
  /** Place of the first row within the question's round. */
  firstPlace?: number;
  /** Ends, among the rows, of the steps that they are spread over. Default: one step. */
  ends?: readonly number[];
  format?: PageFormat;
  /** How large the numbers of the queries are. */
  deviation?: number;
  lastPosition?: number;
}

/** Heads in a page of the index, and which of them is the one that scores. */
const INDEX_HEADS = 3;
const INDEX_HEAD = 1;
/** Rows of a step before those that are scored. */
const OTHER_ROWS = 2;
const THETA = 10_000;

/** What the kernels find, and what the reference does: [units, rows] each. */
async function run({
  heads,
  kvHeads,
  headDim,
  head = heads - 1,
  rotaryDim = headDim,
  units: made,
  order = made.map((_, i) => i),
  indexed = 0,
  rows,
  firstPlace = 0,
  ends = [rows],
  format = "f32",
  deviation = 1,
  lastPosition = 4095,
}: Case) {
  const kvHead = Math.floor(head / (heads / kvHeads));
  const chat = randomPages({
    rounds: made.map(({ tokens }) => ({ tokens, base: 0 })),
    kvHeads,
    headDim,
    rotaryDim,
    theta: THETA,
    format,
    seed: 11,
  });
  const units = order.map((i) => ({
    ahead: made[i]!.ahead ?? made[i]!.tokens,
    pages: chat.pages.filter(
      ({ round, first }) =>
        round === i && first >= 16 * (made[i]!.firstPage ?? 0),
    ),
  }));
  const columns = (heads + 2 * kvHeads) * headDim;
  const qkv = seededNormals(rows * columns, 7, deviation);
  // What lies behind a unit's tokens must not count, whatever it is.
  const keys = Float32Array.from(chat.keys);
  for (const { page, valid } of chat.pages)
    for (let one = 0; one < kvHeads; one++) {
      const from = (page * kvHeads + one) * 16;
      keys.fill(NaN, (from + valid) * headDim, (from + 16) * headDim);
    }
  // The index has the same pages in the opposite order, and other keys between them.
  const pageValues = 16 * headDim;
  const index = seededNormals(chat.poolPages * INDEX_HEADS * pageValues, 5);
  const indexPage = (page: number) => chat.poolPages - 1 - page;
  for (let page = 0; page < chat.poolPages; page++) {
    const from = (page * kvHeads + kvHead) * pageValues;
    index.set(
      keys.subarray(from, from + pageValues),
      (indexPage(page) * INDEX_HEADS + INDEX_HEAD) * pageValues,
    );
  }

  const isIndexed = (unit: number) => unit >= units.length - indexed;
  const entries = units.flatMap(({ ahead, pages }, unit) =>
    pages.map(({ page, first, valid }) => ({
      isIndexed: isIndexed(unit),
      words: [isIndexed(unit) ? indexPage(page) : page, ahead, first, valid],
    })),
  );
  const residentPages = entries.filter((one) => !one.isIndexed).length;
  let pagesBefore = 0;
  const table = units.flatMap(({ pages }) => {
    pagesBefore += pages.length;
    return [pagesBefore - pages.length, pages.length];
  });
  const softmaxes = emptyBuffer(gpu, entries.length * rows * 8);
  const out = upload(gpu, new Float32Array(units.length * rows * 2).fill(3));
  const constants = {
    head_dim: headDim,
    rotary_dim: rotaryDim,
    kv_format: KV_FORMAT[format],
  };
  const [scoring, joining] = [
    await evenScores(gpu, constants),
    await evenScoresJoin(gpu),
  ];
  const shared = {
    entries: upload(gpu, Uint32Array.from(entries.flatMap((one) => one.words))),
    rope: upload(gpu, rotations(rotaryDim, THETA, 4096)),
    softmaxes,
  };
  const resident = upload(gpu, pageBytes(keys, format));
  const inIndex = upload(gpu, pageBytes(index, format));
  const params = {
    qkv_stride: Math.ceil(columns / 8) * 2,
    head_offset: (head * headDim) / 4,
    last_position: lastPosition,
    scale: 1 / Math.sqrt(headDim),
  };

  let begin = 0;
  for (const end of ends) {
    const count = end - begin;
    const others = new Float32Array(OTHER_ROWS * columns).fill(NaN);
    const mine = qkv.subarray(begin * columns, end * columns);
    const step = {
      ...shared,
      scoring: upload(
        gpu,
        Uint32Array.of(
          OTHER_ROWS,
          count,
          firstPlace + begin,
          residentPages,
          units.length,
          begin,
          rows,
        ),
      ),
      qkv: upload(
        gpu,
        paddedRows(Float32Array.from([...others, ...mine]), columns),
      ),
    };
    const ofPages = scoring.record(
      { ...step, k_pages: resident },
      { ...params, kv_heads: kvHeads, kv_head: kvHead, of_index: 0 },
    );
    const ofIndex = scoring.record(
      { ...step, k_pages: inIndex },
      { ...params, kv_heads: INDEX_HEADS, kv_head: INDEX_HEAD, of_index: 1 },
    );
    const join = joining.record(
      {
        scoring: step.scoring,
        units: upload(gpu, Uint32Array.from(table)),
        softmaxes,
        unit_softmaxes: out,
      },
      { head: 0 },
    );
    await inOnePass(gpu, (pass) => {
      if (residentPages > 0)
        ofPages(pass, { pages: residentPages, rows: count });
      if (indexed > 0)
        ofIndex(pass, { pages: entries.length - residentPages, rows: count });
      join(pass, { units: units.length, rows: count });
    });
    begin = end;
  }

  const queries = new Float32Array(rows * headDim);
  for (let row = 0; row < rows; row++) {
    const from = row * columns + head * headDim;
    queries.set(qkv.subarray(from, from + headDim), row * headDim);
  }
  const pairs = await downloadFloats(gpu, out, units.length * rows * 2);
  const valuesOf = (which: number) =>
    Float32Array.from({ length: units.length * rows }, (_, i) => {
      const value = pairs[2 * i + which]!;
      return value === Math.fround(-1e30) ? -Infinity : value;
    });
  return {
    sums: valuesOf(0),
    greatest: valuesOf(1),
    expected: reference({
      ...chat,
      queries,
      places: Array.from({ length: rows }, (_, i) => firstPlace + i),
      headDim,
      lastPosition,
      units,
      kvHeads,
      kvHead,
    }),
  };
}

const demo = { heads: 6, kvHeads: 2, headDim: 32 };
/** Of awkward lengths, and last the question's own round. */
const lengths = [{ tokens: 1 }, { tokens: 16 }, { tokens: 17 }];
const long = [...lengths, { tokens: 130 }];

describe("agrees with the reference", () => {
  const cases: [string, Case][] = [
    [
      "units of 1, 16, 17 and 130 tokens, 9 rows, and the rows' own round",
      { ...demo, units: [...long, { tokens: 9, ahead: 0 }], rows: 9 },
    ],
    ["one row", { ...demo, units: long, rows: 1 }],
    [
      "one token in all",
      { heads: 1, kvHeads: 1, headDim: 8, units: [{ tokens: 1 }], rows: 1 },
    ],
    [
      "256 rows of a longer round",
      {
        heads: 3,
        kvHeads: 1,
        headDim: 8,
        units: [...lengths, { tokens: 300, ahead: 0 }],
        rows: 256,
      },
    ],
    [
      "rows from the middle of a question",
      {
        ...demo,
        units: [{ tokens: 40 }, { tokens: 60, ahead: 0 }],
        rows: 33,
        firstPlace: 20,
      },
    ],
    [
      "the first head, three quarters of it rotated",
      { ...demo, head: 0, rotaryDim: 24, units: long, rows: 5 },
    ],
    [
      "no groups, head of 64",
      { heads: 2, kvHeads: 2, headDim: 64, head: 0, units: long, rows: 4 },
    ],
    [
      "head of 80, f16",
      {
        heads: 3,
        kvHeads: 1,
        headDim: 80,
        head: 1,
        units: long,
        rows: 4,
        format: "f16",
      },
    ],
    [
      "GQA 7, head of 128",
      { heads: 14, kvHeads: 2, headDim: 128, head: 6, units: long, rows: 3 },
    ],
    [
      "head of 256, a half of it rotated, f16",
      {
        heads: 4,
        kvHeads: 1,
        headDim: 256,
        rotaryDim: 128,
        units: lengths,
        rows: 3,
        format: "f16",
      },
    ],
    [
      "units in an index, f16",
      { ...demo, units: long, indexed: 2, rows: 7, format: "f16" },
    ],
    ["no unit but in the index", { ...demo, units: long, indexed: 4, rows: 7 }],
    [
      "a unit far ahead, and one farther than the model knows",
      {
        ...demo,
        units: [
          { tokens: 20, ahead: 2000 },
          { tokens: 20, ahead: 40_000 },
        ],
        rows: 5,
        lastPosition: 2047,
      },
    ],
    ["large scores", { ...demo, units: long, rows: 5, deviation: 60 }],
  ];
  test.each(cases)("%s", async (_, one) => {
    const { sums, greatest, expected } = await run(one);
    expect(sums).toBeCloseToArray(expected.sums, 1e-5);
    expect(greatest).toBeCloseToArray(expected.greatest, 1e-5);
  });
});

test("a row that sees nothing of a unit gets no score", async () => {
  const { sums, greatest, expected } = await run({
    ...demo,
    units: [{ tokens: 40, ahead: 0, firstPage: 2 }, { tokens: 3 }],
    rows: 4,
    firstPlace: 30,
  });
  expect([...sums].map((one) => one === -Infinity)).toEqual([
    ...[true, true, false, false],
    ...[false, false, false, false],
  ]);
  expect(sums).toBeCloseToArray(expected.sums, 1e-5);
  expect(greatest).toBeCloseToArray(expected.greatest, 1e-5);
});

describe("what a unit gets is the same, bit for bit,", () => {
  const one: Case = { ...demo, units: long, rows: 6 };

  test("when other units come, go or move", async () => {
    const whole = await run(one);
    for (const order of [[3], [2, 0, 3, 1], [1, 3], [3, 3, 0]]) {
      const some = await run({ ...one, order });
      order.forEach((unit, i) => {
        for (const name of ["sums", "greatest"] as const)
          expect(some[name].subarray(i * 6, i * 6 + 6)).toEqual(
            whole[name].subarray(unit * 6, unit * 6 + 6),
          );
      });
    }
  });

  test.each(["f32", "f16"] as const)(
    "by its own pages and by the index, %s",
    async (format) => {
      const whole = await run({ ...one, format });
      for (const indexed of [1, 4]) {
        const { sums, greatest } = await run({ ...one, format, indexed });
        expect(sums).toEqual(whole.sums);
        expect(greatest).toEqual(whole.greatest);
      }
    },
  );

  test("in one step and in several", async () => {
    const whole = await run({ ...one, rows: 40 });
    const { sums, greatest } = await run({
      ...one,
      rows: 40,
      ends: [1, 34, 40],
    });
    expect(sums).toEqual(whole.sums);
    expect(greatest).toEqual(whole.greatest);
  });
});
