import { describe, expect, test } from "vitest";
import { readBuffer } from "../../src/gpu/readback";
import type { KvFormat } from "../../src/memory/kv-cache";
import { placeRounds } from "../../src/memory/page-table";
import type { Round } from "../../src/memory/round";
import { payloadBytes } from "../../src/memory/segment";
import type { TransferMode } from "../../src/memory/matrix-group";
import { packHalf, restoreHalf } from "../../src/memory/segment-transfer";
import { randomModel } from "../fixtures/random-model";
import {
  parseSafetensors,
  roundOfEachToken,
  type RondoTinyReference,
  rondoTinyFiles,
} from "../golden/rondo-tiny";
import { testGpu } from "../support/gpu";
import {
  forward,
  pendingPlaces,
  roundsOf,
  testNetwork,
  type TestNetwork,
} from "../support/network";
import { seededInts } from "../support/random";
import {
  dropRound,
  fitRound,
  markComputed,
  reservePages,
} from "../support/rounds";

const gpu = await testGpu();
const formats: KvFormat[] = ["f32", "f16"];

/** Logits of the chat's last token, once all before it have their KV. */
async function lastLogits(network: TestNetwork, rounds: readonly Round[]) {
  const placed = placeRounds(rounds);
  const places = pendingPlaces(placed);
  for (let at = 0; at < places.length - 1; at += 64) {
    const slice = places.slice(at, Math.min(at + 64, places.length - 1));
    await forward(network, placed, slice, { asked: 0 });
  }
  const last = placed.at(-1)!;
  const local = last.round.tokens.length - 1;
  return (await forward(network, placed, [{ placed: last, local }]))[0]!;
}

/** Packs a round, takes its pages away, and brings it back in other pages. */
async function leaveAndReturn(
  { cache }: TestNetwork,
  round: Round,
  mode: TransferMode,
) {
  const { lower, upper } = cache;
  const { computedTokens } = round.lower;
  const tokens = round.tokens.length;
  const oldPages = [...round.lower.pages, ...round.upper.pages];
  const payloads = [
    await packHalf(gpu, lower, round.lower.pages, mode, tokens),
    await packHalf(gpu, upper, round.upper.pages, mode, tokens),
  ];
  dropRound(round, cache);

  const pages = oldPages.length / 2;
  await reservePages(cache, 2 * pages + 1);
  const stopgaps = [lower, upper].map(({ pool }) => ({
    pool,
    pages: Array.from({ length: pages + 1 }, () => pool.take()),
  }));
  fitRound(round, tokens, cache);
  const newPages = [...round.lower.pages, ...round.upper.pages];
  newPages.forEach((page, i) => expect(page).not.toBe(oldPages[i]));
  await restoreHalf(gpu, lower, round.lower.pages, payloads[0]!, mode);
  await restoreHalf(gpu, upper, round.upper.pages, payloads[1]!, mode);
  markComputed(round, computedTokens);
  for (const { pool, pages } of stopgaps)
    for (const page of pages) pool.give(page);
  return payloads;
}

describe.each(formats)("a random network, pages in %s", async (kvFormat) => {
  const { config, tensors } = randomModel({ preset: "six-layers" });
  const network = await testNetwork(gpu, config, tensors, { kvFormat });
  const { cache } = network;
  const usedPages = () =>
    [cache.lower, cache.upper].map(
      ({ pool }) => pool.pageCount - pool.freePages,
    );
  const tokensOf = (count: number, seed: number) => [
    ...seededInts(count, network.config.vocabSize, seed),
  ];

  test("a round that left and came back gives the same logits to the bit", async () => {
    const chat = [tokensOf(70, 1), tokensOf(23, 2)];
    for (const which of [0, 1]) {
      const rounds = await roundsOf(network, chat);
      const before = await lastLogits(network, rounds);
      const pages = usedPages();
      await leaveAndReturn(network, rounds[which]!, "raw");
      expect(await lastLogits(network, rounds)).toEqual(before);

      expect(usedPages()).toEqual(pages);
      for (const { pool } of [cache.lower, cache.upper]) pool.check();
      for (const round of rounds) dropRound(round, cache);
      expect(usedPages()).toEqual([0, 0]);
    }
  });

  test.each<TransferMode>(["raw", "int8"])(
    "a %s payload is as long as a segment takes, comes out again as it went in, and leaves no bytes behind",
    async (mode) => {
      const rounds = await roundsOf(network, [tokensOf(37, 3)]);
      const [round] = rounds as [Round];
      await lastLogits(network, rounds);
      await leaveAndReturn(network, round, mode); // parameter blocks are made once and stay
      const ledger = { ...gpu.ledger.bytes };
      const payloads = await leaveAndReturn(network, round, mode);
      expect(gpu.ledger.bytes).toEqual(ledger);

      for (const [i, half] of [cache.lower, cache.upper].entries()) {
        const pages = i === 0 ? round.lower.pages : round.upper.pages;
        const elements = mode === "raw" ? kvFormat : mode;
        const { kvHeads, headDim } = half.shape;
        expect(payloads[i]!).toHaveLength(
          payloadBytes({
            fingerprint: "",
            half: half.half,
            layerCount: half.layerCount,
            kvHeads,
            headDim,
            tokens: 37,
            elements,
          }),
        );
        const again = await packHalf(gpu, half, pages, "raw");
        await restoreHalf(gpu, half, pages, payloads[i]!, mode);
        expect(await packHalf(gpu, half, pages, "raw")).toEqual(again);
        // Of the last page, what is behind the round's tokens is 0.
        const tokenBytes = headDim * (kvFormat === "f16" ? 2 : 4);
        const lastPageAt = 2 * 16 * kvHeads * tokenBytes;
        const behind = again.subarray(
          lastPageAt + 5 * tokenBytes,
          lastPageAt + 16 * tokenBytes,
        );
        expect(behind.every((byte) => byte === 0)).toBe(true);
        expect(again[lastPageAt + 4 * tokenBytes + 1]).not.toBe(0);
      }
      dropRound(round, cache);
    },
  );

  test("raw payloads hold the pages in the round's order", async () => {
    const [round] = await roundsOf(network, [tokensOf(60, 4)]);
    await lastLogits(network, [round!]);
    const { k, v } = cache.upper.layers[1]!;
    const order = [2, 0, 1, 3].map((i) => round!.upper.pages[i]!);
    const payload = await packHalf(gpu, cache.upper, order, "raw", 64);
    const { kvHeads, headDim } = cache.upper.shape;
    const pageBytes = kvHeads * 16 * headDim * (kvFormat === "f16" ? 2 : 4);
    for (const [matrix, buffer] of [
      [2, k],
      [3, v],
    ] as const) {
      for (const [i, page] of order.entries()) {
        const at = (matrix * order.length + i) * pageBytes;
        const stored = await readBuffer(
          gpu,
          buffer,
          page * pageBytes,
          pageBytes,
        );
        expect(payload.subarray(at, at + pageBytes)).toEqual(
          new Uint8Array(stored),
        );
      }
    }
    dropRound(round!, cache);
  });

  test("no pages are an empty payload, and another length is refused", async () => {
    for (const mode of ["raw", "int8"] as const) {
      const empty = await packHalf(gpu, cache.lower, [], mode);
      expect(empty).toHaveLength(0);
      await restoreHalf(gpu, cache.lower, [], empty, mode);
      await expect(
        restoreHalf(gpu, cache.lower, [0], new Uint8Array(12), mode),
      ).rejects.toThrow("a payload of 12 bytes, 1 pages of the lower half");
    }
  });
});

describe.each(formats)("rondo-tiny in int8, pages in %s", async (kvFormat) => {
  const json = async <T>(url: URL) => (await (await fetch(url)).json()) as T;
  const model = await fetch(rondoTinyFiles.model);
  const tensors = parseSafetensors(await model.arrayBuffer());
  const reference = await json<RondoTinyReference>(rondoTinyFiles.reference);
  const network = await testNetwork(
    gpu,
    await json(rondoTinyFiles.config),
    tensors,
    { kvFormat },
  );
  const roundOf = roundOfEachToken(reference);
  const chat = reference.roundStarts
    .map((_, i) => i + 1)
    .concat(0)
    .sort((a, b) => a - b)
    .map((round) => reference.ids.filter((_, at) => roundOf[at] === round));

  test("what the model says next stays the same when all rounds left and came back", async () => {
    const rounds = await roundsOf(network, chat);
    const before = await lastLogits(network, rounds);
    for (const round of rounds) {
      await leaveAndReturn(network, round, "int8");
      const after = await lastLogits(network, rounds);
      expect(after).not.toEqual(before);
      expect(divergence(before, after)).toBeLessThan(1e-3);
      expect(after.indexOf(Math.max(...after))).toBe(
        before.indexOf(Math.max(...before)),
      );
    }
  });
});

/** KL(p || q) of the distributions behind two rows of logits, in nats. */
function divergence(p: Float32Array, q: Float32Array): number {
  const logs = [p, q].map((logits) => {
    const largest = Math.max(...logits);
    const sum = logits.reduce((s, x) => s + Math.exp(x - largest), 0);
    return Float64Array.from(logits, (x) => x - largest - Math.log(sum));
  }) as [Float64Array, Float64Array];
  return logs[0].reduce(
    (s, log, i) => s + Math.exp(log) * (log - logs[1][i]!),
    0,
  );
}
