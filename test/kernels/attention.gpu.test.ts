import { describe, expect, test } from "vitest";
import { KV_FORMAT } from "../../src/kernels/formats";
import { attention, attentionTile } from "../../src/kernels/attention";
import { attentionJoin } from "../../src/kernels/attention-join";
import { pageMass } from "../../src/kernels/page-mass";
import { attention as reference } from "../reference/attention";
import {
  downloadFloats,
  emptyBuffer,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
  uploadStep,
  withoutPadding,
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
const compiled = new Map<
  string,
  Promise<Awaited<ReturnType<typeof compile>>>
>();

async function compile(
  queries: number,
  headDim: number,
  rotaryDim: number,
  format: PageFormat,
  isCompact: boolean,
) {
  const constants = {
    head_dim: headDim,
    rotary_dim: rotaryDim,
    kv_format: KV_FORMAT[format],
    is_compact: Number(isCompact),
  };
  const tile = attentionTile(queries, headDim);
  return {
    tile,
    attention: await attention(gpu, { ...constants, ...tile }),
    join: await attentionJoin(gpu, { head_dim: headDim }),
    pageMass: await pageMass(gpu, { head_dim: headDim }),
  };
}

function kernelsFor(...options: Parameters<typeof compile>) {
  const key = options.join(" ");
  if (!compiled.has(key)) compiled.set(key, compile(...options));
  return compiled.get(key)!;
}

interface Case {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Values of a head that are rotated. Default: all. */
  rotaryDim?: number;
  rounds: { tokens: number; base: number; place?: number }[];
  positions: number[];
  /** Queries that the tile is made for. */
  queries?: number;
  splits?: number;
  format?: PageFormat;
  /** The most positions that a row sees. Default: all. */
  window?: number;
  /** Whether the kernel is that of software adapters, which compiles quickly. Default: yes. */
  isCompact?: boolean;
}

/** Runs attention over both halves' kernels on one page table. */
async function run({
  heads,
  kvHeads,
  headDim,
  rounds,
  positions,
  queries = 16,
  splits = 1,
  format = "f32",
  rotaryDim = headDim,
  window = 2 ** 31 - 1,
  isCompact = true,
}: Case) {
  const kernels = await kernelsFor(
    queries,
    headDim,
    rotaryDim,
    format,
    isCompact,
  );
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
  const rows = positions.length;
  const columns = (heads + 2 * kvHeads) * headDim;
  const qkv = seededNormals(rows * columns, 7);
  const stride = Math.ceil(columns / 8) * 8;
  const outStride = Math.ceil((heads * headDim) / 8) * 8;
  const tiles = 16 / kernels.tile.tile_keys;

  const step = uploadStep(gpu, {
    rows: positions.map((position) => ({ position })),
    askedRows: rows,
    lowerPages: chat.pages.length,
    lowerSplits: splits,
  });
  const partials = emptyBuffer(gpu, splits * rows * heads * (headDim + 4) * 4);
  // What an earlier step left behind must not count.
  const mass = upload(
    gpu,
    new Float32Array(rows * heads * chat.pages.length * tiles * 2).fill(3),
  );
  const massByPage = emptyBuffer(gpu, heads * chat.pages.length * 4);
  const out = emptyBuffer(gpu, rows * outStride * 4);
  const group = heads / kvHeads;
  const attend = kernels.attention.record(
    {
      step,
      pages: upload(gpu, tableOf(chat.pages)),
      rope: upload(gpu, rotations(rotaryDim, theta, 40_000)),
      qkv: upload(gpu, paddedRows(qkv, columns)),
      k_pages: upload(gpu, pageBytes(chat.keys, format)),
      v_pages: upload(gpu, pageBytes(chat.values, format)),
      partials,
      mass,
    },
    {
      half: 0,
      heads,
      kv_heads: kvHeads,
      group,
      qkv_stride: stride / 4,
      scale: 1 / Math.sqrt(headDim),
      emits_mass: 1,
      window,
    },
  );
  const join = kernels.join.record(
    { step, partials, out },
    { half: 0, heads, out_stride: outStride / 4 },
  );
  const sum = kernels.pageMass.record(
    { step, partials, mass, page_mass: massByPage },
    {
      half: 0,
      heads,
      group,
      tiles_per_page: tiles,
    },
  );
  await inOnePass(gpu, (pass) => {
    attend(pass, { rows, group, kvHeads, splits });
    join(pass, { rows, heads });
    sum(pass, { pages: chat.pages.length });
  });

  const q = new Float32Array(rows * heads * headDim);
  for (let row = 0; row < rows; row++) {
    q.set(
      qkv.subarray(row * columns, row * columns + heads * headDim),
      row * heads * headDim,
    );
  }
  const expected = reference({
    ...chat,
    queries: q,
    positions,
    heads,
    kvHeads,
    headDim,
    window,
  });
  return {
    output: withoutPadding(await downloadFloats(gpu, out), heads * headDim),
    massByPage: await downloadFloats(
      gpu,
      massByPage,
      heads * chat.pages.length,
    ),
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

describe("agrees with the reference", () => {
  const cases: [string, Case][] = [
    [
      "the demo model's decode",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40),
        positions: [92],
        queries: 3,
      },
    ],
    [
      "its decode, in four splits",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40),
        positions: [92],
        queries: 3,
        splits: 4,
      },
    ],
    [
      "more splits than pages",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20),
        positions: [19],
        queries: 3,
        splits: 5,
      },
    ],
    [
      "its decode, in as many splits as there may be",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 330, 300),
        positions: [649],
        queries: 3,
        splits: 32,
      },
    ],
    [
      "its prefill, 17 rows",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 17),
        positions: from(53, 17),
      },
    ],
    [
      "300 rows",
      {
        heads: 2,
        kvHeads: 1,
        headDim: 8,
        rounds: inARow(5, 300),
        positions: from(5, 300),
      },
    ],
    [
      "one token in all",
      {
        heads: 1,
        kvHeads: 1,
        headDim: 8,
        rounds: inARow(1),
        positions: [0],
        queries: 1,
      },
    ],
    [
      "no groups (GQA 1)",
      {
        heads: 4,
        kvHeads: 4,
        headDim: 64,
        rounds: inARow(3, 50),
        positions: [50, 51, 52],
      },
    ],
    [
      "GQA 4, head of 80",
      {
        heads: 8,
        kvHeads: 2,
        headDim: 80,
        rounds: inARow(16, 31),
        positions: from(40, 7),
        splits: 2,
      },
    ],
    [
      "GQA 7, head of 64",
      {
        heads: 14,
        kvHeads: 2,
        headDim: 64,
        rounds: inARow(9, 40),
        positions: from(45, 4),
      },
    ],
    [
      "GQA 7, one row",
      {
        heads: 14,
        kvHeads: 2,
        headDim: 64,
        rounds: inARow(9, 40),
        positions: [48],
        queries: 7,
      },
    ],
    [
      "head of 128",
      {
        heads: 4,
        kvHeads: 2,
        headDim: 128,
        rounds: inARow(9, 40),
        positions: from(30, 19),
        splits: 2,
      },
    ],
    [
      "head of 128, one row",
      {
        heads: 4,
        kvHeads: 2,
        headDim: 128,
        rounds: inARow(9, 40),
        positions: [48],
        queries: 2,
        splits: 2,
      },
    ],
    [
      "head of 256",
      {
        heads: 4,
        kvHeads: 1,
        headDim: 256,
        rounds: inARow(30),
        positions: from(20, 6),
      },
    ],
    [
      "f16 pages",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40),
        positions: from(80, 13),
        format: "f16",
      },
    ],
    [
      "f16 pages, one row",
      {
        heads: 4,
        kvHeads: 2,
        headDim: 128,
        rounds: inARow(20, 33),
        positions: [52],
        queries: 2,
        format: "f16",
      },
    ],
    [
      "gaps between rounds",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: [
          { tokens: 20, base: 0 },
          { tokens: 18, base: 700 },
          { tokens: 9, base: 1500 },
        ],
        positions: from(1500, 9),
      },
    ],
    [
      "rounds that share a base",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: [
          { tokens: 20, base: 100 },
          { tokens: 18, base: 100 },
          { tokens: 9, base: 200 },
        ],
        positions: from(200, 9),
      },
    ],
    [
      "rows in no order, with gaps",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40),
        positions: [90, 3, 41, 22, 60, 59, 19],
      },
    ],
    [
      "a window of 20",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40, 17),
        positions: from(93, 17),
        window: 20,
      },
    ],
    [
      "a window of 20, one row in three splits",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: inARow(20, 33, 40),
        positions: [92],
        queries: 3,
        splits: 3,
        window: 20,
      },
    ],
    [
      "a window that sees its own row alone",
      {
        heads: 2,
        kvHeads: 1,
        headDim: 8,
        rounds: inARow(20, 5),
        positions: [24, 3],
        window: 1,
      },
    ],
    [
      "a round that is farther away than its base, out of the window",
      {
        heads: 2,
        kvHeads: 1,
        headDim: 8,
        rounds: [
          { tokens: 20, base: 0 },
          { tokens: 20, base: 30, place: 20 },
          { tokens: 9, base: 50 },
        ],
        positions: from(50, 9),
        window: 15,
      },
    ],
    [
      "three quarters of each head rotated",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rotaryDim: 24,
        rounds: inARow(20, 33, 40),
        positions: from(80, 13),
      },
    ],
    [
      "an eighth of each head rotated, one row",
      {
        heads: 4,
        kvHeads: 2,
        headDim: 64,
        rotaryDim: 8,
        rounds: inARow(300, 33),
        positions: [332],
        queries: 2,
      },
    ],
    [
      "positions near 30,000",
      {
        heads: 6,
        kvHeads: 2,
        headDim: 32,
        rounds: [
          { tokens: 20, base: 29_000 },
          { tokens: 9, base: 30_000 },
        ],
        positions: from(30_000, 9),
      },
    ],
  ];
  // On a GPU: for one row, for several queries of a lane, and with two tiles of keys in a page.
  const unrolled = cases.filter(([name]) =>
    [
      "its decode, in four splits",
      "more splits than pages",
      "a window of 20, one row in three splits",
      "GQA 7, one row",
      "GQA 4, head of 80",
      "head of 128",
    ].includes(name),
  );
  expect(unrolled).toHaveLength(6);
  const all = [
    ...cases,
    ...unrolled.map(([name, one]): [string, Case] => [
      `${name}, unrolled`,
      { ...one, isCompact: false },
    ]),
  ];

  test.each(all)("%s", async (_, one) => {
    const { output, expected, massByPage, pages } = await run(one);
    expect(output).toBeCloseToArray(expected.output, 1e-5);

    // Mass by head and round, averaged over rows; and all of a head's together.
    const { rounds, mass } = expected;
    const rows = one.positions.length;
    for (let head = 0; head < one.heads; head++) {
      const got = massByPage.subarray(head * pages.length);
      for (let round = 0; round < rounds; round++) {
        let wanted = 0;
        for (let row = 0; row < rows; row++)
          wanted += mass[(row * one.heads + head) * rounds + round]! / rows;
        const sum = pages.reduce(
          (total, page, i) => (page.round === round ? total + got[i]! : total),
          0,
        );
        expect(sum).toBeCloseTo(wanted, 5);
      }
      const all = pages.reduce((total, _, i) => total + got[i]!, 0);
      expect(all).toBeCloseTo(1, 5);
    }
  });
});

test("a row that sees no key gives zeros", async () => {
  const { output, expected } = await run({
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    rounds: [{ tokens: 5, base: 10 }],
    positions: [4, 12],
  });
  expect([...output.subarray(0, 16)]).toEqual(Array(16).fill(0));
  expect(output).toBeCloseToArray(expected.output, 1e-5);
});

test("moving all positions by 10,000 changes nothing", async () => {
  const one: Case = {
    heads: 6,
    kvHeads: 2,
    headDim: 32,
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
  expect((await run(moved)).output).toEqual((await run(one)).output);
});

test("a row's result does not depend on the rows beside it", async () => {
  const one: Case = {
    heads: 6,
    kvHeads: 2,
    headDim: 32,
    rounds: inARow(20, 33, 17),
    positions: from(53, 17),
  };
  const all = (await run(one)).output;
  expect((await run({ ...one, positions: from(53, 5) })).output).toEqual(
    all.subarray(0, 5 * 192),
  );
});

test.each([1, 2, 3, 7, 8, 16])(
  "every head size has a tile for %i queries within 16 KiB and 256 invocations",
  (queries) => {
    for (const headDim of [8, 16, 32, 40, 64, 80, 96, 112, 128, 192, 256]) {
      const { tile_queries, tile_keys, workgroup_size } = attentionTile(
        queries,
        headDim,
      );
      expect(16 % tile_keys).toBe(0);
      expect(tile_queries * tile_keys).toBeLessThanOrEqual(workgroup_size);
      expect(workgroup_size).toBeLessThanOrEqual(256);
    }
  },
);
