import { describe, expect, test } from "vitest";
import { KV_FORMAT } from "../../src/kernels/formats";
import { relevance } from "../../src/kernels/relevance";
import { relevanceJoin } from "../../src/kernels/relevance-join";
import { relevance as reference } from "../reference/relevance";
import {
  downloadFloats,
  emptyBuffer,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
  uploadStep,
} from "../support/gpu";
import {
  pageBytes,
  type PageFormat,
  randomPages,
  rotations,
  tableOf,
} from "../support/pages";
import { seededNormals } from "../support/random";

const gpu = await testGpu();

interface Case {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Values of a head that are rotated. Default: all. */
  rotaryDim?: number;
  /** The first is the prefix. */
  rounds: { tokens: number; base: number }[];
  /** Of all rows of the step. */
  positions: number[];
  /** How many rows at the end are the question's; all if not given. */
  asked?: number;
  /** Ends, among the asked rows, of the steps that they are spread over; one step if not given. */
  ends?: number[];
  format?: PageFormat;
  /** How large the numbers of the queries are. */
  deviation?: number;
}

/** The relevance of the kernels, and of the reference. */
async function run({
  heads,
  kvHeads,
  headDim,
  rounds,
  positions,
  asked = positions.length,
  ends = [asked],
  format = "f32",
  deviation = 1,
  rotaryDim = headDim,
}: Case) {
  const theta = 10_000;
  const chat = randomPages({
    rounds,
    kvHeads,
    headDim,
    rotaryDim,
    theta,
    format,
    seed: 11,
  });
  const pages = chat.pages.length;
  const rows = positions.length;
  const columns = (heads + 2 * kvHeads) * headDim;
  const qkv = seededNormals(rows * columns, 7, deviation);
  // What lies behind a page's tokens must not count, whatever it is.
  const keys = Float32Array.from(chat.keys);
  for (const { page, valid } of chat.pages) {
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const from = (page * kvHeads + kvHead) * 16;
      keys.fill(NaN, (from + valid) * headDim, (from + 16) * headDim);
    }
  }

  const constants = {
    head_dim: headDim,
    rotary_dim: rotaryDim,
    kv_format: KV_FORMAT[format],
  };
  const scoring = await relevance(gpu, constants);
  const joining = await relevanceJoin(gpu);
  const out = upload(gpu, new Float32Array(pages * 16).fill(3));
  const others = {
    pages: upload(gpu, tableOf(chat.pages)),
    rope: upload(gpu, rotations(rotaryDim, theta, 40_000)),
    k_pages: upload(gpu, pageBytes(keys, format)),
    scores: emptyBuffer(gpu, asked * pages * 16 * 4),
    softmaxes: emptyBuffer(gpu, asked * pages * 2 * 4),
  };
  let begin = 0;
  for (const end of ends) {
    const before = begin === 0 ? 0 : rows - asked + begin;
    const shown = positions.slice(before, rows - asked + end);
    const step = uploadStep(gpu, {
      rows: shown.map((position) => ({ position })),
      askedRows: end - begin,
      lowerPages: pages,
    });
    const mine = qkv.subarray(
      before * columns,
      (before + shown.length) * columns,
    );
    const score = scoring.record(
      { ...others, step, qkv: upload(gpu, paddedRows(mine, columns)) },
      {
        kv_heads: kvHeads,
        group: heads / kvHeads,
        qkv_stride: Math.ceil(columns / 8) * 2,
        scale: 1 / Math.sqrt(heads * headDim),
      },
    );
    const join = joining.record(
      {
        step,
        scores: others.scores,
        softmaxes: others.softmaxes,
        relevance: out,
      },
      { adds: begin > 0 ? 1 : 0 },
    );
    const askedRows = end - begin;
    await inOnePass(gpu, (pass) => {
      score(pass, { pages, askedRows });
      join(pass, { pages });
    });
    begin = end;
  }

  const queries = new Float32Array(asked * heads * headDim);
  for (let row = 0; row < asked; row++) {
    const from = (rows - asked + row) * columns;
    queries.set(
      qkv.subarray(from, from + heads * headDim),
      row * heads * headDim,
    );
  }
  const expected = reference({
    ...chat,
    queries,
    positions: positions.slice(rows - asked),
    heads,
    kvHeads,
    headDim,
  });
  return {
    relevance: await downloadFloats(gpu, out, pages * 16),
    expected,
    pages: chat.pages,
  };
}

/** Rounds one behind the other. */
function inARow(...lengths: number[]) {
  let base = 0;
  return lengths.map((tokens) => ({ tokens, base: (base += tokens) - tokens }));
}

const from = (first: number, rows: number) =>
  Array.from({ length: rows }, (_, i) => first + i);

const demo = { heads: 6, kvHeads: 2, headDim: 32 };

describe("agrees with the reference", () => {
  const cases: [string, Case][] = [
    [
      "the demo model, partial pages, 17 rows",
      { ...demo, rounds: inARow(20, 33, 40, 17), positions: from(93, 17) },
    ],
    [
      "three quarters of each head rotated",
      {
        ...demo,
        rotaryDim: 24,
        rounds: inARow(20, 33, 40, 17),
        positions: from(93, 17),
      },
    ],
    ["one row", { ...demo, rounds: inARow(20, 33, 40), positions: [92] }],
    [
      "one token in all",
      {
        heads: 1,
        kvHeads: 1,
        headDim: 8,
        rounds: inARow(1, 1),
        positions: [1],
      },
    ],
    [
      "only the last rows asked",
      {
        ...demo,
        rounds: inARow(20, 33, 17),
        positions: from(53, 17),
        asked: 5,
      },
    ],
    [
      "130 rows over 24 pages",
      {
        heads: 3,
        kvHeads: 1,
        headDim: 8,
        rounds: inARow(5, 200, 130),
        positions: from(205, 130),
      },
    ],
    [
      "no groups (GQA 1), head of 80",
      {
        heads: 2,
        kvHeads: 2,
        headDim: 80,
        rounds: inARow(16, 31, 7),
        positions: from(47, 7),
      },
    ],
    [
      "GQA 7, head of 128",
      {
        heads: 14,
        kvHeads: 2,
        headDim: 128,
        rounds: inARow(9, 40, 4),
        positions: from(49, 4),
      },
    ],
    [
      "f16 pages",
      {
        ...demo,
        rounds: inARow(20, 33, 40),
        positions: from(80, 13),
        format: "f16",
      },
    ],
    [
      "f16 pages, head of 80",
      {
        heads: 3,
        kvHeads: 1,
        headDim: 80,
        rounds: inARow(3, 50),
        positions: [51, 52],
        format: "f16",
      },
    ],
    [
      "rounds at scattered bases",
      {
        ...demo,
        rounds: [
          { tokens: 20, base: 0 },
          { tokens: 18, base: 29_000 },
          { tokens: 40, base: 700 },
          { tokens: 9, base: 30_000 },
        ],
        positions: from(30_000, 9),
      },
    ],
    [
      "rounds behind some rows, and rows in no order",
      {
        ...demo,
        rounds: inARow(20, 33, 40),
        positions: [90, 41, 22, 60, 59, 20],
      },
    ],
    [
      "large scores",
      {
        ...demo,
        rounds: inARow(20, 33, 40),
        positions: from(80, 13),
        deviation: 30,
      },
    ],
  ];
  test.each(cases)("%s", async (_, one) => {
    const { relevance, expected, pages } = await run(one);
    expect(relevance).toBeCloseToArray(expected, 1e-5);
    // Each row's softmax is over all that it sees, so together they are the rows.
    const sum = relevance.reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(one.asked ?? one.positions.length, 4);
    pages.forEach(({ round, valid }, entry) => {
      const counts = round === 0 ? 0 : valid;
      const none = relevance.subarray(entry * 16 + counts, entry * 16 + 16);
      expect(none).toEqual(new Float32Array(16 - counts));
    });
  });
});

test("a row that sees only the prefix adds nothing", async () => {
  const one: Case = { ...demo, rounds: inARow(20, 33), positions: [52] };
  const both = await run({ ...one, positions: [19, 52], asked: 2 });
  expect(both.relevance).toBeCloseToArray(both.expected, 1e-5);
  const alone = await run({ ...one, positions: [19] });
  expect(alone.relevance).toEqual(new Float32Array(alone.relevance.length));
});

test("a question of several steps gives the same bits as one of a single step", async () => {
  const one: Case = {
    ...demo,
    rounds: inARow(20, 33, 17),
    positions: from(53, 17),
  };
  const { relevance } = await run(one);
  expect((await run({ ...one, ends: [4, 5, 17] })).relevance).toEqual(
    relevance,
  );
});

test("moving all positions by 10,000 changes nothing", async () => {
  const one: Case = {
    ...demo,
    rounds: inARow(20, 33, 17),
    positions: from(53, 17),
  };
  const moved = {
    ...one,
    rounds: one.rounds.map(({ tokens, base }) => ({
      tokens,
      base: base + 10_000,
    })),
    positions: one.positions.map((position) => position + 10_000),
  };
  expect((await run(moved)).relevance).toEqual((await run(one)).relevance);
});
