// The index of retrieval heads' keys: whatever is copied, written, evicted or grown, its keys are those of the pages.
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { destroyNetwork } from "../../src/engine/load/network";
import { readBuffer } from "../../src/gpu/readback";
import { noteComputed } from "../../src/memory/half-kv";
import { KeyIndex } from "../../src/memory/key-index";
import { placeRounds } from "../../src/memory/page-table";
import type { Round } from "../../src/memory/round";
import type { SegmentHeader } from "../../src/memory/segment";
import { packHalf } from "../../src/memory/segment-transfer";
import type { IndexKeys } from "../../src/store/rounds";
import { type Half, HALVES } from "../../src/util/kv-half";
import { halfToFloat } from "../../src/util/float16";
import { randomModel } from "../fixtures/random-model";
import { testGpu } from "../support/gpu";
import {
  forward,
  pendingPlaces,
  roundsOf,
  testNetwork,
} from "../support/network";
import { seededRandom, seededInts } from "../support/random";

const gpu = await testGpu();
const model = randomModel({ preset: "six-layers" });
const network = await testNetwork(gpu, model.config, model.tensors, {
  kvFormat: "f16",
});
const { cache, config } = network;
const { headDim, numAttentionHeads, numKeyValueHeads: kvHeads } = config;
const group = numAttentionHeads / kvHeads;
const { watershed } = cache.lower.shape;
/** In both halves, and two heads of one layer. */
const HEADS = [
  { layer: watershed + 1, head: numAttentionHeads - 1 },
  { layer: 0, head: 0 },
  { layer: 0, head: group },
];
const PAGE_VALUES = HEADS.length * 16 * headDim;

const indexes: KeyIndex[] = [];
function newIndex(pages = Infinity): KeyIndex {
  const pageBytes = 2 * PAGE_VALUES;
  const index = new KeyIndex(gpu, cache, HEADS, group, pages * pageBytes);
  indexes.push(index);
  return index;
}
afterEach(() => indexes.splice(0).forEach((index) => index.destroy()));
afterAll(() => destroyNetwork(gpu, network));

async function computed(...lengths: number[]): Promise<Round[]> {
  const tokens = lengths.map((length, i) => [
    ...seededInts(length, config.vocabSize, 1 + i),
  ]);
  const rounds = await roundsOf(network, tokens);
  const placed = placeRounds(rounds);
  await forward(network, placed, pendingPlaces(placed));
  return rounds;
}

/** A round's keys in the index: of its tokens alone, for pages hold anything behind them. */
async function keysIn(index: KeyIndex, round: Round): Promise<number[]> {
  const all = new Uint16Array(
    await readBuffer(gpu, index.keys!, 0, index.keys!.size),
  );
  return valuesOf(round, (page, head) =>
    all.subarray(
      index.pagesOf(round)[page]! * PAGE_VALUES + head * 16 * headDim,
    ),
  );
}

/** The same in the pages. */
async function keysOf(round: Round): Promise<number[]> {
  const buffers = await Promise.all(
    HEADS.map(async ({ layer, head }) => {
      const half = cache[layer <= watershed ? "lower" : "upper"];
      const { k } = half.layers[layer - half.firstLayer]!;
      const all = new Uint16Array(await readBuffer(gpu, k, 0, k.size));
      return { all, half: half.half, kvHead: Math.floor(head / group) };
    }),
  );
  return valuesOf(round, (page, place) => {
    const { all, half, kvHead } = buffers[place]!;
    const at = round[half].pages[page]! * kvHeads + kvHead;
    return all.subarray(at * 16 * headDim);
  });
}

function valuesOf(
  { tokens }: Round,
  keysAt: (page: number, head: number) => Uint16Array,
): number[] {
  return tokens.flatMap((_, i) =>
    HEADS.flatMap((_, head) => {
      const keys = keysAt(Math.floor(i / 16), head);
      const from = (i % 16) * headDim;
      return [...keys.subarray(from, from + headDim)].map(halfToFloat);
    }),
  );
}

async function storedKeys(
  index: KeyIndex,
  round: Round,
  mode: "raw" | "int8",
): Promise<IndexKeys> {
  const keys: IndexKeys = { model: "", heads: index.name };
  for (const half of HALVES) {
    const payload = await packHalf(
      gpu,
      cache[half],
      round[half].pages,
      mode,
      round.tokens.length,
    );
    const header: SegmentHeader = {
      fingerprint: "",
      half,
      layerCount: cache[half].layerCount,
      kvHeads,
      headDim,
      tokens: round.tokens.length,
      elements: mode === "raw" ? "f16" : "int8",
    };
    keys[half] = index.keysOf(half, header, payload);
    round[half].stored = {
      bytes: payload.length,
      generation: round[half].generation,
      origin: undefined,
    };
  }
  return keys;
}

function forgetPages(round: Round, half: Half): void {
  round[half].computedTokens = 0;
  round[half].generation = -1;
}

test("copied keys are those of the pages", async () => {
  const index = newIndex();
  const rounds = await computed(5, 16, 47);
  await index.copy(rounds);
  for (const round of rounds) {
    expect(index.has(round)).toBe(true);
    const keys = await keysOf(round);
    expect(new Set(keys).size).toBeGreaterThan(20);
    expect(await keysIn(index, round)).toEqual(keys);
  }
});

describe("stored keys", () => {
  test("are those of the pages, where these are stored as they are", async () => {
    const index = newIndex();
    const rounds = await computed(33, 7);
    const stored = new Map<Round, IndexKeys>();
    for (const round of rounds)
      stored.set(round, await storedKeys(index, round, "raw"));
    for (const round of rounds)
      for (const half of HALVES) forgetPages(round, half);
    for (const round of rounds)
      expect(index.canWrite(round, stored.get(round))).toBe(true);
    await index.write(rounds, (round) => stored.get(round)!);
    for (const round of rounds) {
      expect(index.has(round)).toBe(true);
      expect(await keysIn(index, round)).toEqual(await keysOf(round));
    }
  });

  test("are near them, where these are stored as int8", async () => {
    const index = newIndex();
    const [round] = (await computed(20)) as [Round];
    const stored = await storedKeys(index, round, "int8");
    await index.write([round], () => stored);
    const keys = await keysOf(round);
    const largest = Math.max(...keys.map(Math.abs));
    const found = await keysIn(index, round);
    const off = found.map((value, i) => Math.abs(value - keys[i]!));
    expect(Math.max(...off)).toBeGreaterThan(0);
    expect(Math.max(...off)).toBeLessThan(largest / 200);
  });

  test("of other heads, of another length or without a segment are not taken", async () => {
    const index = newIndex();
    const [round] = (await computed(20)) as [Round];
    const stored = await storedKeys(index, round, "raw");
    expect(index.canWrite(round, stored)).toBe(true);
    expect(index.canWrite(round, undefined)).toBe(false);
    expect(index.canWrite(round, { ...stored, heads: "0.1" })).toBe(false);
    expect(index.canWrite(round, { ...stored, upper: undefined })).toBe(false);
    const lower = stored.lower!.subarray(1);
    expect(index.canWrite(round, { ...stored, lower })).toBe(false);
    round.lower.stored.bytes = 0;
    expect(index.canWrite(round, stored)).toBe(false);
  });
});

test("keys of other content than the round has now are not there", async () => {
  const index = newIndex();
  const [round] = (await computed(20)) as [Round];
  expect(index.has(round)).toBe(false);
  await index.copy([round]);
  expect(index.has(round)).toBe(true);
  // A token computed again, behind something else.
  noteComputed(round.lower, 3, { hash: "other", isExact: true });
  expect(index.has(round)).toBe(false);
  await index.copy([round]);
  expect(index.has(round)).toBe(true);
  // The same content, gone from the GPU and in the store.
  for (const half of HALVES) {
    round[half].stored = {
      bytes: 1,
      generation: round[half].generation,
      origin: undefined,
    };
    forgetPages(round, half);
  }
  expect(index.has(round)).toBe(true);
  round.upper.stored.generation++;
  expect(index.has(round)).toBe(false);
});

test("keys of a round that was evicted before it was stored are right as long as it says the same behind the same", async () => {
  const index = newIndex();
  const [round] = (await computed(20)) as [Round];
  round.context = { hash: "before", isExact: true };
  await index.copy([round]);
  for (const half of HALVES) forgetPages(round, half);
  expect(index.has(round)).toBe(true);
  round.context = { hash: "other", isExact: true };
  expect(index.has(round)).toBe(false);
  round.context = { hash: "before", isExact: true };
  round.tokens[3]!++;
  expect(index.has(round)).toBe(false);
  round.tokens[3]!--;
  expect(index.has(round)).toBe(true);
  round.context = undefined;
  expect(index.has(round)).toBe(false);
});

test("without room the least recently used rounds make way, and the others stay as they are", async () => {
  const index = newIndex(5);
  const [a, b, c, d] = (await computed(17, 17, 17, 90)) as [
    Round,
    Round,
    Round,
    Round,
  ];
  await index.copy([a]);
  await index.copy([b]);
  await index.copy([a]);
  await index.copy([c]);
  expect([a, b, c].map((round) => index.has(round))).toEqual([
    true,
    false,
    true,
  ]);
  // Six pages of five: it is left out, and harms none.
  await index.copy([d]);
  expect([a, c, d].map((round) => index.has(round))).toEqual([
    true,
    true,
    false,
  ]);
  index.pool.check();
});

test("rounds of a chat that is asked again make way after those of others", async () => {
  const index = newIndex(5);
  const [mine, other, added] = (await computed(17, 17, 17)) as [
    Round,
    Round,
    Round,
  ];
  await index.copy([mine]);
  await index.copy([other]);
  index.use([mine]);
  await index.copy([added]);
  expect([mine, other, added].map((round) => index.has(round))).toEqual([
    true,
    false,
    true,
  ]);
  index.pool.check();
});

test("through random copies, drops and growth all keys stay those of the pages", async () => {
  const index = newIndex(600);
  const rounds = await computed(3, 16, 40, 60, 100);
  const random = seededRandom(7);
  for (let step = 0; step < 40; step++) {
    const some = rounds.filter(() => random() < 0.5);
    if (random() < 0.3) some.forEach((round) => index.drop(round));
    else await index.copy(some);
    index.pool.check();
  }
  // Beyond the first 256 pages.
  const many = Array.from({ length: 40 }, (): Round => ({
    ...rounds[4]!,
    id: 9,
  }));
  await index.copy([...rounds, ...many]);
  expect(index.pool.pageCount).toBeGreaterThan(256);
  for (const round of [...rounds, many[39]!])
    expect(await keysIn(index, round)).toEqual(await keysOf(round));
  expect(gpu.ledger.bytes.index).toBe(index.keys!.size);
});
