// Scores of units by single heads, from a prefill through some layers.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { destroyNetwork } from "../../../src/engine/load/network";
import { PrefillPace } from "../../../src/engine/run/prefill-pace";
import type { Prefill } from "../../../src/engine/run/runner";
import {
  scoreReaderOf,
  type UnitScores,
} from "../../../src/engine/run/score-reader";
import type { UnitSoftmax } from "../../../src/engine/run/unit-softmax";
import { type PlacedRound, placeRounds } from "../../../src/memory/page-table";
import type { IndexHead } from "../../../src/model/config/round-index";
import {
  type PresetName,
  randomModel,
  type RandomModel,
} from "../../fixtures/random-model";
import { evenScores } from "../../reference/even-scores";
import { llama } from "../../reference/llama";
import { particularsOf } from "../../reference/particulars";
import { inverseFrequencies, rotate } from "../../reference/rope";
import { emptyBuffer, testGpu } from "../../support/gpu";
import { roundsOf, testNetwork, type TestNetwork } from "../../support/network";
import { seededInts } from "../../support/random";
import "../../support/matchers";

const gpu = await testGpu();
const networks: TestNetwork[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const network of networks.splice(0)) destroyNetwork(gpu, network);
});

/** The system prompt, three rounds, and the question. */
const LENGTHS = [5, 20, 1, 33, 70];
const SYSTEM = 0;
const LAST = 3;
const QUESTION = 4;

interface World {
  network: TestNetwork;
  model: RandomModel;
  placed: PlacedRound[];
  /** Of each unit, from its first token to the question: its length, but the true distance of the system prompt. */
  ahead: number[];
  /** What the question attends to: the system prompt, the last round and itself. */
  blind: PlacedRound[];
  question: PlacedRound;
}

/** A chat that is computed but for its question. */
async function worldOf(
  preset: PresetName,
  { kvFormat = "f32" }: { kvFormat?: "f32" | "f16" } = {},
): Promise<World> {
  const model = randomModel({ preset });
  const network = await testNetwork(gpu, model.config, model.tensors, {
    watershed: Math.floor(model.config.num_hidden_layers / 2) - 1,
    kvFormat,
  });
  scoreReaderOf(network.runner);
  networks.push(network);
  // The two halves of a round then have other page numbers.
  network.cache.lower.pool.take();
  const tokens = LENGTHS.map((length, i) => [
    ...seededInts(length, model.config.vocab_size, 100 + i),
  ]);
  const placed = placeRounds(await roundsOf(network, tokens));
  const question = placed[QUESTION]!;
  const history = placed.slice(0, QUESTION);
  const world = {
    network,
    model,
    placed,
    ahead: LENGTHS.map((length, i) => {
      if (i === SYSTEM) return question.base;
      return i === QUESTION ? 0 : length;
    }),
    blind: [placed[SYSTEM]!, placed[LAST]!, question],
    question,
  };
  await prefill(world, {
    frame: { lower: history, upper: history },
    rows: history.map(whole),
  });
  return world;
}

function whole(placed: PlacedRound) {
  return { placed, from: 0, to: placed.round.tokens.length };
}

async function prefill({ network }: World, request: Prefill): Promise<number> {
  let slices = 1;
  for await (const _ of network.runner.prefill(request)) slices++;
  return slices;
}

/** The question, read blind: through the layers up to the deepest head that scores. */
async function scoresOf(
  world: World,
  scores: UnitScores,
  request: Partial<Prefill> = {},
): Promise<UnitSoftmax[]> {
  const { blind, question, network } = world;
  const deepest = Math.max(...scores.heads.map(({ layer }) => layer));
  await prefill(world, {
    frame: { lower: blind, upper: blind },
    rows: [whole(question)],
    layers: { from: 0, to: deepest + 1 },
    scores,
    ...request,
  });
  return scoreReaderOf(network.runner).read();
}

/** All units of a chat, by their own pages. */
function residentUnits({ placed, ahead }: World): UnitScores["resident"] {
  return placed.map(({ round }, i) => ({ round, ahead: ahead[i]! }));
}

const ALL_ROWS = { from: 0, to: LENGTHS[QUESTION]! };

/**
 * What a head finds, in double precision.
 *
 * @param isBlind whether a round was computed behind the system prompt and the last round alone
 */
function expectedOf(
  { model, placed, ahead }: World,
  { layer, head }: IndexHead,
  { from, to } = ALL_ROWS,
  isBlind = (round: number): boolean => round === QUESTION,
) {
  const { config } = model;
  const run = llama(model, {
    tokens: placed.flatMap(({ round }) => round.tokens),
    rounds: LENGTHS.flatMap((length, i) => Array<number>(length).fill(i)),
    selects: (_, round, row) => {
      const own = placed.findLastIndex(({ base }) => base <= row);
      return !isBlind(own) || round === LAST;
    },
    logitRows: [],
  });
  const { q, k } = run.layers[layer]!;
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads;
  const headDim = config.head_dim;
  const kvHead = Math.floor(head / (heads / kvHeads));
  const own = particularsOf(config);
  const { theta, scaling, isRotated } = own.layer(layer);
  const frequencies = isRotated
    ? inverseFrequencies(theta, headDim * own.rotaryShare, scaling)
    : [];

  // The reference rotates to absolute positions: queries are turned back wholly, keys to their place in the round.
  const queries: number[] = [];
  for (let place = from; place < to; place++) {
    const position = placed[QUESTION]!.base + place;
    const at = (position * heads + head) * headDim;
    queries.push(
      ...rotate(q.subarray(at, at + headDim), -position, frequencies),
    );
  }
  const keys: number[] = [];
  const units = placed.map(({ base, round }, unit) => {
    const pages = [];
    for (let first = 0; first < round.tokens.length; first += 16) {
      const valid = Math.min(16, round.tokens.length - first);
      const page = keys.length / (16 * headDim);
      pages.push({ page, first, valid });
      for (let t = 0; t < valid; t++) {
        const at = ((base + first + t) * kvHeads + kvHead) * headDim;
        keys.push(...rotate(k.subarray(at, at + headDim), -base, frequencies));
      }
      for (let t = valid; t < 16; t++)
        keys.push(...Array<number>(headDim).fill(NaN));
    }
    return { ahead: ahead[unit]!, pages };
  });
  return evenScores({
    queries,
    places: Array.from({ length: to - from }, (_, i) => from + i),
    headDim,
    frequencies,
    lastPosition: Infinity,
    units,
    keys,
    kvHeads: 1,
    kvHead: 0,
  });
}

/** Keys of rounds copied from a layer's pages, a page after the other, and the units that they make. */
function indexOf(
  { network: { cache }, placed, ahead }: World,
  heads: readonly IndexHead[],
  rounds: readonly number[],
): Pick<UnitScores, "indexed" | "indexKeys"> {
  const { kvHeads, headDim, format } = cache.lower.shape;
  const bytes = 16 * headDim * (format === "f16" ? 2 : 4);
  const group = 4 / kvHeads; // query heads of a KV head
  // From the last page on, so that no page has its own number.
  let page = 20;
  const indexKeys = emptyBuffer(gpu, page * heads.length * bytes);
  const indexed = rounds.map((i) => {
    const { round } = placed[i]!;
    const pages = round.lower.pages
      .slice(0, Math.ceil(round.tokens.length / 16))
      .map((_, place) => {
        page--;
        heads.forEach(({ layer, head }, row) => {
          const half =
            layer < cache.upper.firstLayer
              ? ("lower" as const)
              : ("upper" as const);
          const from = cache[half].layers[layer - cache[half].firstLayer]!.k;
          const fromRow =
            round[half].pages[place]! * kvHeads + Math.floor(head / group);
          gpu.copy("index", [
            {
              from,
              fromOffset: fromRow * bytes,
              to: indexKeys,
              toOffset: (page * heads.length + row) * bytes,
              bytes,
            },
          ]);
        });
        return page;
      });
    return { pages, tokens: round.tokens.length, ahead: ahead[i]! };
  });
  return { indexed, indexKeys };
}

/** One head in the lower half and one in the upper, with other KV heads. */
function twoHeads({ model: { config } }: World): IndexHead[] {
  return [
    { layer: 1, head: config.num_attention_heads - 1 },
    { layer: config.num_hidden_layers - 1, head: 0 },
  ];
}

/** Submits of so many rows: none so small that other kernels take it, as PrefillPace sees to. */
function paceOf(rows: number) {
  vi.spyOn(PrefillPace.prototype, "nextRows").mockImplementation((left) =>
    Math.min(left, rows),
  );
}

describe("scores agree with double precision", () => {
  test.each<PresetName>([
    "six-layers",
    "untied-head", // norms of queries and keys
    "smollm3", // its last layer does not rotate
    "phi-4-mini", // rotates a part of each head
    "gemma-3", // a RoPE of its own in every sixth layer
  ])("%s", async (preset) => {
    const world = await worldOf(preset);
    const heads = twoHeads(world);
    const resident = residentUnits(world);
    const rows = { from: 3, to: 68 };
    const found = await scoresOf(world, { heads, rows, resident, indexed: [] });
    heads.forEach((head, i) => {
      const { sums, greatest, units, rows: count } = found[i]!;
      expect([units, count]).toEqual([LENGTHS.length, 65]);
      const expected = expectedOf(world, head, rows);
      expect(sums).toBeCloseToArray(expected.sums, 2e-5);
      expect(greatest).toBeCloseToArray(expected.greatest, 2e-5);
    });
  });
});

describe("scores are the same, bit for bit,", () => {
  let world: World;
  let heads: IndexHead[];
  let all: UnitScores;
  let found: UnitSoftmax[];

  beforeEach(async () => {
    world = await worldOf("six-layers");
    heads = twoHeads(world);
    const resident = residentUnits(world);
    all = { heads, rows: ALL_ROWS, resident, indexed: [] };
    paceOf(256);
    found = await scoresOf(world, all);
  });

  test("by a round's own pages and by the index", async () => {
    const resident = [SYSTEM, LAST, QUESTION].map((i) => all.resident[i]!);
    const index = indexOf(world, heads, [2, 1]);
    const some = await scoresOf(world, { ...all, resident, ...index });
    some.forEach((one, i) =>
      expect(one).toEqual(unitsOf(found[i]!, [SYSTEM, LAST, QUESTION, 2, 1])),
    );
    const none = await scoresOf(world, { ...all, resident: [], ...index });
    none.forEach((one, i) => expect(one).toEqual(unitsOf(found[i]!, [2, 1])));
  });

  test("in f16", async () => {
    const half = await worldOf("six-layers", { kvFormat: "f16" });
    const resident = residentUnits(half).slice(0, QUESTION);
    const whole = await scoresOf(half, { ...all, resident });
    const index = indexOf(half, heads, [SYSTEM, 1, 2, LAST]);
    const indexed = await scoresOf(half, { ...all, resident: [], ...index });
    expect(indexed).toEqual(whole);
  });

  test("in one slice and in several", async () => {
    paceOf(35);
    expect(await scoresOf(world, all)).toEqual(found);
  });

  test("whichever rows are asked for", async () => {
    paceOf(35);
    for (const rows of [
      { from: 34, to: 36 },
      { from: 40, to: 41 },
    ]) {
      const some = await scoresOf(world, { ...all, rows });
      some.forEach((one, i) => {
        const at = (unit: number) => unit * ALL_ROWS.to;
        const expected = LENGTHS.flatMap((_, unit) => [
          ...found[i]!.sums.subarray(at(unit) + rows.from, at(unit) + rows.to),
        ]);
        expect([...one.sums]).toEqual(expected);
      });
    }
  });

  test("by all heads of each layer, in passes through one layer each", async () => {
    const { runner, layers } = world.network;
    const { blind, question } = world;
    paceOf(35);
    for (let layer = 0; layer < layers; layer++) {
      const ofLayer = [0, 1, 2, 3].map((head) => ({ layer, head }));
      await prefill(world, {
        frame: { lower: blind, upper: blind },
        rows: [whole(question)],
        layers: { from: layer, to: layer + 1 },
        keepsResidual: true,
        scores: { ...all, heads: ofLayer },
      });
      const each = await scoreReaderOf(runner).read();
      heads.forEach((one, i) => {
        if (one.layer === layer) expect(each[one.head]).toEqual(found[i]);
      });
    }
  });
});

/** A softmax of these units alone. */
function unitsOf(
  { rows, sums, greatest }: UnitSoftmax,
  units: readonly number[],
): UnitSoftmax {
  const pick = (values: Float32Array) =>
    Float32Array.from(
      units.flatMap((unit) => [
        ...values.subarray(unit * rows, (unit + 1) * rows),
      ]),
    );
  return {
    units: units.length,
    rows,
    sums: pick(sums),
    greatest: pick(greatest),
  };
}

test("rows before the question's are computed with it, and do not score", async () => {
  const world = await worldOf("six-layers");
  const { blind, placed, network } = world;
  const heads = twoHeads(world);
  paceOf(64);
  const slices = await prefill(world, {
    frame: { lower: blind, upper: blind },
    rows: [whole(placed[LAST]!), whole(placed[QUESTION]!)],
    scores: {
      heads,
      rows: ALL_ROWS,
      resident: residentUnits(world),
      indexed: [],
    },
  });
  expect(slices).toBe(2);
  const found = await scoreReaderOf(network.runner).read();
  heads.forEach((head, i) => {
    const isBlind = (round: number) => round >= LAST;
    const expected = expectedOf(world, head, ALL_ROWS, isBlind);
    expect(found[i]!.sums).toBeCloseToArray(expected.sums, 2e-5);
  });
});

test("a chat that has been scored is scored again without new buffers", async () => {
  const world = await worldOf("six-layers");
  const scores = {
    heads: twoHeads(world),
    rows: ALL_ROWS,
    resident: residentUnits(world),
    indexed: [],
  };
  await scoresOf(world, scores);
  const { buffers } = gpu.counts;
  const { blind, question } = world;
  await prefill(world, {
    frame: { lower: blind, upper: blind },
    rows: [whole(question)],
    scores: { ...scores, rows: { from: 0, to: 9 } },
  });
  expect(gpu.counts.buffers).toBe(buffers);
});

describe("what can't be scored is refused:", () => {
  let world: World;
  let scores: UnitScores;

  beforeEach(async () => {
    world = await worldOf("six-layers");
    scores = {
      heads: [{ layer: 1, head: 0 }],
      rows: ALL_ROWS,
      resident: residentUnits(world),
      indexed: [],
    };
  });

  test("a head of a layer that is not run", async () => {
    const heads = [{ layer: 2, head: 0 }];
    await expect(
      scoresOf(world, { ...scores, heads }, { layers: { from: 0, to: 2 } }),
    ).rejects.toThrow(
      "a head of layer 2 can't score in a pass through layers 0 to 1",
    );
  });

  test("rows that are not run", async () => {
    await expect(
      scoresOf(world, { ...scores, rows: { from: 0, to: 71 } }),
    ).rejects.toThrow(
      "rows 0 to 71 can't be scored by a pass that ends with 0 to 70",
    );
  });

  test("no rows", async () => {
    await expect(
      scoresOf(world, { ...scores, rows: { from: 4, to: 4 } }),
    ).rejects.toThrow("1 to 256 rows can be scored, not 4 to 4");
  });

  test("indexed units without an index", async () => {
    const indexed = [{ pages: [0], tokens: 3, ahead: 3 }];
    await expect(scoresOf(world, { ...scores, indexed })).rejects.toThrow(
      "1 units have no keys in an index",
    );
  });

  test("rows that are still to come", async () => {
    const { blind, question, network } = world;
    paceOf(35);
    const steps = network.runner.prefill({
      frame: { lower: blind, upper: blind },
      rows: [whole(question)],
      scores,
    });
    await steps.next();
    await expect(scoreReaderOf(network.runner).read()).rejects.toThrow(
      "only 35 of 70 rows have been scored",
    );
    await steps.return();
  });
});
