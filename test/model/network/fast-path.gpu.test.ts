// The rules of the fast path, counted: what a step asks of the device, and who holds which bytes.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { destroyNetwork } from "../../../src/engine/load/network";
import type { WorkCounts } from "../../../src/gpu/gpu";
import type { MemoryClass } from "../../../src/gpu/ledger";
import { ReadbackRing } from "../../../src/gpu/readback";
import type { KvCache } from "../../../src/memory/kv-cache";
import { PAGE_TOKENS } from "../../../src/memory/page-pool";
import { pendingTokens, type Round } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { readConfig } from "../../../src/model/config/config";
import { randomModel } from "../../fixtures/random-model";
import { parseSafetensors, rondoTinyFiles } from "../../golden/rondo-tiny";
import { testGpu } from "../../support/gpu";
import { watchBuffers } from "../../support/live-buffers";
import { roundsOf, type TestNetwork, testNetwork } from "../../support/network";
import { prepareReply } from "../../support/reply";
import { dropRound, markComputed } from "../../support/rounds";

const gpu = await testGpu();
const liveBuffers = watchBuffers(gpu);
const ring = new ReadbackRing(gpu, 3);

const rondoTiny = {
  config: (await (await fetch(rondoTinyFiles.config)).json()) as unknown,
  tensors: parseSafetensors(
    await (await fetch(rondoTinyFiles.model)).arrayBuffer(),
  ),
};
const qwen3 = randomModel({ preset: "untied-head", layers: 3 });

/** What the device was asked for while `work` ran. */
async function countsOf(work: () => Promise<unknown>): Promise<WorkCounts> {
  const before = { ...gpu.counts };
  await work();
  const after = { ...gpu.counts };
  for (const key of Object.keys(after) as (keyof WorkCounts)[]) {
    after[key] -= before[key];
  }
  return after;
}

/**
 * Rounds that fill `pages` pages, each round two of them and the last one the rest. All but the last
 * `pending` tokens count as computed: their KV is zeros, which costs the device as much as any.
 */
async function history(
  network: TestNetwork,
  pages: number,
  pending = 1,
): Promise<Round[]> {
  const tokens = Array.from({ length: pages * PAGE_TOKENS }, (_, i) => i % 97);
  const own = tokens.splice(2 * PAGE_TOKENS * Math.floor((pages - 1) / 2));
  const earlier = Array.from(
    { length: tokens.length / (2 * PAGE_TOKENS) },
    (_, i) => tokens.slice(2 * PAGE_TOKENS * i, 2 * PAGE_TOKENS * (i + 1)),
  );
  const rounds = await roundsOf(network, [...earlier, own]);
  for (const round of rounds) markComputed(round, round.tokens.length);
  const last = rounds.at(-1)!;
  markComputed(last, last.tokens.length - pending);
  return rounds;
}

/** A reply of `tokens` tokens: what its prefill asked of the device, and what its decode steps did. */
async function replyCounts(
  { runner }: TestNetwork,
  rounds: readonly Round[],
  tokens: number,
): Promise<{ prefill: WorkCounts; decode: WorkCounts }> {
  const prepared = prepareReply(runner, rounds, ring);
  const { reply } = prepared;
  const prefill = await countsOf(prepared.prefill);
  const decode = await countsOf(async () => {
    const limits = { stopTokens: new Set<number>(), maxTokens: tokens };
    for await (const _ of reply.decode(limits)) void _;
  });
  expect(reply.tokens).toHaveLength(tokens);
  return { prefill, decode };
}

/** Free + used = all, where the rounds say what is used; and the ledger has every live buffer right. */
function expectMemoryAddsUp(
  { cache }: TestNetwork,
  rounds: readonly Round[],
): void {
  for (const half of ["lower", "upper"] as const) {
    const { pool, pageBytes } = cache[half];
    const pages = rounds.flatMap((round) => round[half].pages);
    expect(new Set(pages).size).toBe(pages.length);
    expect(pool.freePages + pages.length).toBe(pool.pageCount);
    expect(() => pool.check()).not.toThrow();
    expect(gpu.ledger.bytes[`${half} pages`]).toBe(pool.pageCount * pageBytes);
  }
  expect(gpu.ledger.bytes).toEqual(liveBytes());
}

function liveBytes(): Record<MemoryClass, number> {
  const sums = Object.fromEntries(
    Object.keys(gpu.ledger.bytes).map((memoryClass) => [memoryClass, 0]),
  ) as Record<MemoryClass, number>;
  for (const { label, bytes, memoryClass } of liveBuffers()) {
    if (!memoryClass) throw new Error(`no class for the buffer ${label}`);
    sums[memoryClass] += bytes;
  }
  return sums;
}

afterEach(() => gpu.done());

describe.each([
  { name: "the embedded model", model: rondoTiny },
  { name: "a Qwen3 with norms of heads", model: qwen3 },
])("with $name", ({ model: { config, tensors } }) => {
  const layers = readConfig(config).numHiddenLayers;
  let network: TestNetwork;
  let cache: KvCache;
  beforeAll(async () => {
    network = await testNetwork(gpu, config, tensors, { kvFormat: "f16" });
    cache = network.cache;
  });
  /** Bind groups of one recording of everything that refers to pages. */
  let recordedGroups = 0;

  const stepCounts = {
    submits: 1,
    passes: 1,
    dispatches: 7 * layers + 7, // page entry, embedding, norm, head, three of the sampler
    bindGroups: 0,
    buffers: 0,
    writes: 1,
    writtenBytes: 104,
  } satisfies WorkCounts;

  const times = (counts: WorkCounts, n: number) =>
    Object.fromEntries(
      Object.entries(counts).map(([key, count]) => [key, count * n]),
    );

  test("a step stays within the rules", () => {
    expect(stepCounts.dispatches).toBeLessThanOrEqual(7 * layers + 8);
    expect(stepCounts.writtenBytes).toBeLessThanOrEqual(128);
  });

  test("the first prefill records bind groups, and makes no buffers", async () => {
    const rounds = await history(network, 1, 5);
    const { prefill } = await replyCounts(network, rounds, 1);
    recordedGroups = prefill.bindGroups;
    expect(recordedGroups).toBeGreaterThan(layers);
    expectMemoryAddsUp(network, rounds);
    rounds.forEach((round) => dropRound(round, cache));
    expectMemoryAddsUp(network, []);
  });

  test.each([1, 3, 20, 70])(
    "a later prefill of %i rows makes nothing: a write a slice, the page tables, and the sampler's settings",
    async (rows) => {
      const pages = Math.ceil(rows / PAGE_TOKENS) + 1;
      const rounds = await history(network, pages, 0);
      // The rows before the last round's are pending too: from the end backwards, `rows` of them.
      let left = rows;
      for (const round of rounds.toReversed()) {
        const some = Math.min(left, round.tokens.length);
        markComputed(round, round.tokens.length - some);
        left -= some;
      }
      const { prefill } = await replyCounts(network, rounds, 1);
      const slices = prefill.submits;
      expect(slices).toBeLessThanOrEqual(Math.ceil(rows / 16));
      expect(prefill).toMatchObject({
        passes: slices,
        dispatches: slices * (7 * layers + 1) + 5,
        bindGroups: 0,
        buffers: 0,
        writes: slices + 3,
      });
      for (const half of HALVES) {
        const pending = rounds.map((round) => pendingTokens(round, half));
        expect(pending).toEqual(rounds.map(() => 0));
      }
      expectMemoryAddsUp(network, rounds);
      rounds.forEach((round) => dropRound(round, cache));
    },
  );

  // Seventeen steps enter two new pages.
  test.each([
    { pages: 1, steps: 17 },
    { pages: 50, steps: 5 },
  ])(
    "a decode step behind $pages pages is one write, one pass, one submit, and makes nothing",
    async ({ pages, steps }) => {
      const rounds = await history(network, pages);
      const { decode } = await replyCounts(network, rounds, steps + 1);
      expect(decode).toEqual(times(stepCounts, steps));
      expectMemoryAddsUp(network, rounds);
      rounds.forEach((round) => dropRound(round, cache));
      expectMemoryAddsUp(network, []);
    },
  );

  test("pools that grow under a reply bind anew once, and then never again", async () => {
    const { pageCount } = cache.lower.pool;
    const rounds = await history(network, pageCount - 1);
    // Sixteen steps fill the last page, the next one needs another.
    const steps = 18;
    const { decode } = await replyCounts(network, rounds, steps + 1);
    expect(decode).toEqual({
      ...times(stepCounts, steps),
      submits: steps + 2 * layers + 2, // what was in each buffer, copied
      bindGroups: recordedGroups,
      buffers: 2 * layers + 2, // K and V of each layer, and the page tables
    });
    expect(cache.lower.pool.pageCount).toBe(2 * pageCount);
    expectMemoryAddsUp(network, rounds);
    rounds.forEach((round) => dropRound(round, cache));

    const again = await history(network, pageCount + 3);
    const after = await replyCounts(network, again, 11);
    expect(after.prefill).toMatchObject({ bindGroups: 0, buffers: 0 });
    expect(after.decode).toEqual(times(stepCounts, 10));
    expectMemoryAddsUp(network, again);
    again.forEach((round) => dropRound(round, cache));
    expectMemoryAddsUp(network, []);
  });

  test("destroying the network gives everything back but the shared parameter blocks", async () => {
    const slots = liveBuffers().filter(({ label }) => /^readback/.test(label));
    destroyNetwork(gpu, network);
    const left = liveBuffers().filter(({ label }) => !/^readback/.test(label));
    expect(slots).toHaveLength(3);
    expect(left.map(({ label }) => label)).toEqual(
      left.map(() => expect.stringMatching(/\.params$/) as string),
    );
    expect(gpu.ledger.bytes).toEqual(liveBytes());

    // They belong to the device: a network of the same shape finds them, and all is as before.
    const before = { ...gpu.ledger.bytes };
    const next = await testNetwork(gpu, config, tensors, { kvFormat: "f16" });
    const rounds = await history(next, 2);
    await replyCounts(next, rounds, 2);
    expect(gpu.ledger.bytes.weights).toBe(next.weights.bytes);
    expectMemoryAddsUp(next, rounds);
    destroyNetwork(gpu, next);
    expect(gpu.ledger.bytes).toEqual(before);
    expect(before).toMatchObject({
      weights: 0,
      "lower pages": 0,
      "upper pages": 0,
      activations: 0,
    });
  });
});
