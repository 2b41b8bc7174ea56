// The whole network against published and independently computed numbers.
import { describe, expect, test } from "vitest";
import { pendingSpans } from "../../../src/engine/run/runner";
import { readBuffer } from "../../../src/gpu/readback";
import { placeRounds } from "../../../src/memory/page-table";
import {
  parseSafetensors,
  roundOfEachToken,
  type RondoTinyReference,
  rondoTinyFiles,
} from "../../golden/rondo-tiny";
import {
  parseStories260K,
  stories260KDecoder,
  stories260KFiles,
  type Stories260KReference,
} from "../../golden/stories260K";
import { testGpu } from "../../support/gpu";
import { fitRound, reservePages } from "../../support/rounds";
import {
  forward,
  pendingPlaces,
  residualOf,
  roundsOf,
  testNetwork,
} from "../../support/network";

const gpu = await testGpu();
const bytes = async (url: URL) => (await fetch(url)).arrayBuffer();
const json = async <T>(url: URL) => (await (await fetch(url)).json()) as T;

describe("stories260K", async () => {
  const { config, tensors } = parseStories260K(
    await bytes(stories260KFiles.model),
  );
  const network = await testNetwork(gpu, config, tensors);
  const reference = await json<Stories260KReference>(
    stories260KFiles.reference,
  );

  test("gives its published greedy text to the byte", async () => {
    const [round] = await roundsOf(network, [[reference.tokens[0]!]]);
    const placed = placeRounds([round!]);
    const { cache, runner, decoder } = network;
    const prefill = runner.prefill({
      frame: { lower: placed, upper: placed },
      rows: pendingSpans(placed),
      first: { settings: GREEDY, index: 0, copies: [] },
    });
    for await (const _ of prefill) void _;
    const tokens = [...round!.tokens];
    for (let i = 1; i < 200; i++) {
      const token = new Uint32Array(
        await readBuffer(gpu, decoder.workspace.sampled, 0, 4),
      )[0]!;
      tokens.push(token);
      await reservePages(cache, 1);
      fitRound(round!, tokens.length, cache);
      runner.decode(
        placed[0]!,
        i,
        { lower: 0, upper: 0 },
        { index: i, copies: [] },
      );
    }
    tokens.push(
      new Uint32Array(
        await readBuffer(gpu, decoder.workspace.sampled, 0, 4),
      )[0]!,
    );
    const decode = stories260KDecoder(await bytes(stories260KFiles.tokenizer));
    const text = await (await fetch(stories260KFiles.text)).text();
    expect(decode(tokens)).toBe(text);
  });

  test("agrees with double precision over 200 positions", async () => {
    const rounds = await roundsOf(network, [reference.tokens.slice(0, 200)]);
    const placed = placeRounds(rounds);
    const places = pendingPlaces(placed);
    for (let at = 0; at < places.length; at += 10) {
      const logits = await forward(network, placed, places.slice(at, at + 10), {
        asked: 10,
      });
      logits.forEach((row, i) => {
        const { ids, logits: top } = reference.per_position_top5[at + i]!;
        expect(ids.map((id) => row[id]!)).toBeCloseToArray(top, 1e-5);
      });
    }
  });
});

describe("rondo-tiny", async () => {
  const config = await json(rondoTinyFiles.config);
  const tensors = parseSafetensors(await bytes(rondoTinyFiles.model));
  const reference = await json<RondoTinyReference>(rondoTinyFiles.reference);
  const { ids } = reference;
  const at = Object.keys(reference.logits).map(Number);
  /** The chat's rounds, the system prompt as round 0. */
  const chat = roundOfEachToken(reference).reduce<number[][]>(
    (rounds, round, i) => {
      (rounds[round] ??= []).push(ids[i]!);
      return rounds;
    },
    [],
  );

  test.each([
    { kvFormat: "f32", tolerance: 1e-5 },
    { kvFormat: "f16", tolerance: 2e-3 },
  ] as const)(
    "agrees with double precision, pages in $kvFormat",
    async ({ kvFormat, tolerance }) => {
      const network = await testNetwork(gpu, config, tensors, { kvFormat });
      const placed = placeRounds(await roundsOf(network, chat));
      const places = pendingPlaces(placed);
      let largest: number[] = [];
      for (let start = 0; start < places.length; start += 16) {
        const slice = places.slice(start, start + 16);
        const logits = await forward(network, placed, slice, {
          asked: slice.length,
        });
        largest = [
          ...largest,
          ...logits.map((row) => row.indexOf(Math.max(...row))),
        ];
        for (const position of at.filter((p) => p >= start && p < start + 16)) {
          expect(logits[position - start]).toBeCloseToArray(
            reference.logits[position]!,
            tolerance,
          );
        }
      }
      const wrong = largest.filter(
        (token, i) => token !== reference.argmax[i],
      ).length;
      expect(wrong).toBeLessThanOrEqual(kvFormat === "f32" ? 0 : 2);
    },
  );

  test("agrees after every layer, and in the mass of the rounds", async () => {
    const network = await testNetwork(gpu, config, tensors);
    const { layers } = network;
    const placed = placeRounds(await roundsOf(network, chat));
    const places = pendingPlaces(placed);
    const [tailStart, tailEnd] = reference.tailRows;
    const pageRounds = placed.flatMap(({ round }) =>
      round.lower.pages.map(() => round.id),
    );
    const pages = pageRounds.length;
    const heads = network.config.numAttentionHeads;
    // All rows before the tail first; then the tail, layer by layer, with what follows it left away.
    await forward(network, placed, places.slice(0, 200), { asked: 0 });
    await forward(network, placed, places.slice(200, tailStart), { asked: 0 });
    const tail = places.slice(tailStart, tailEnd);
    const pageMass = gpu.buffer({
      label: "mass",
      memoryClass: "activations",
      bytes: heads * pages * 4,
    });
    const scratch = gpu.buffer({
      label: "scratch",
      memoryClass: "activations",
      bytes: tail.length * heads * pages * 8,
    });
    for (let l = 0; l < layers; l++) {
      await forward(network, placed, tail, {
        asked: tail.length,
        layers: { from: l, to: l + 1 },
        embeds: l === 0,
        mass: { pageMass, pages, scratch },
      });
      const byHead = new Float32Array(
        await readBuffer(gpu, pageMass, 0, heads * pages * 4),
      );
      const shares = pageRounds.map((_, page) => {
        let sum = 0;
        for (let head = 0; head < heads; head++)
          sum += byHead[head * pages + page]!;
        return sum / heads;
      });
      const mass = reference.massOfRoundsFromTailRows[l]!.map((_, i) =>
        pageRounds.reduce(
          (sum, round, page) => (round === i + 1 ? sum + shares[page]! : sum),
          0,
        ),
      );
      const all = mass.reduce((sum, one) => sum + one, 0);
      expect(mass.map((one) => one / all)).toBeCloseToArray(
        reference.massOfRoundsFromTailRows[l]!,
        1e-5,
      );
      expect(shares.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 5);
    }
    const rest = places.slice(tailEnd);
    for (let l = 0; l < layers; l++) {
      await forward(network, placed, rest, {
        asked: 0,
        layers: { from: l, to: l + 1 },
        embeds: l === 0,
      });
      const last = reference.hiddenAfterLayer[l]![ids.length - 1]!;
      expect((await residualOf(network, rest.length)).at(-1)).toBeCloseToArray(
        last,
        1e-5,
      );
    }
  });
});

const GREEDY = {
  seed: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};
