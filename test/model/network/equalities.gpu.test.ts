// Equalities that hold whatever the weights are, and agreement with double precision on every family.
import { afterEach, describe, expect, test } from "vitest";
import { placeRounds } from "../../../src/memory/page-table";
import { newRound } from "../../../src/memory/round";
import { readConfig } from "../../../src/model/config/config";
import { destroyNetwork } from "../../../src/engine/load/network";
import { GPU_TUNING, type Tuning } from "../../../src/model/network/tuning";
import {
  presetNames,
  randomModel,
  type RandomModelOptions,
} from "../../fixtures/random-model";
import { llama as reference } from "../../reference/llama";
import { testGpu } from "../../support/gpu";
import {
  forward,
  networkOf,
  pendingPlaces,
  type Place,
  roundsOf,
  testNetwork,
  type TestNetwork,
} from "../../support/network";
import { seededInts } from "../../support/random";
import { reservePages } from "../../support/rounds";

const gpu = await testGpu();
const networks: TestNetwork[] = [];

afterEach(() => {
  for (const network of networks.splice(0)) destroyNetwork(gpu, network);
});

async function randomNetwork(options: RandomModelOptions, tuning?: Tuning) {
  const model = randomModel(options);
  const network = await testNetwork(
    gpu,
    model.config,
    model.tensors,
    tuning && { tuning },
  );
  networks.push(network);
  return { network, model };
}

/** Rounds of random tokens. */
function randomRounds(lengths: readonly number[], vocabulary: number) {
  return lengths.map((length, i) => [
    ...seededInts(length, vocabulary, 100 + i),
  ]);
}

/** Rounds with pages, each behind the one before. */
async function chatOf(
  network: TestNetwork,
  lengths: readonly number[],
  start = 0,
) {
  const tokens = randomRounds(lengths, network.config.vocabSize);
  const placed = placeRounds(await roundsOf(network, tokens), start);
  return { placed, places: pendingPlaces(placed), tokens };
}

test.each([
  ...presetNames.map((preset) => ({ preset, type: "BF16" as const })),
  { preset: "narrow-heads", type: "F32" },
  { preset: "narrow-heads", type: "F16" },
  { preset: "untied-head", type: "F32" },
  { preset: "untied-head", type: "F16" },
] as const)(
  "$preset agrees with double precision, weights in $type",
  async ({ preset, type }) => {
    const { network, model } = await randomNetwork({ preset, type });
    const { placed, places, tokens } = await chatOf(network, [5, 11, 3]);
    const asked = 6;
    const logits = await forward(network, placed, places, { asked });
    const logitRows = Array.from({ length: asked }, (_, i) => 19 - asked + i);
    const expected = reference(model, { tokens: tokens.flat(), logitRows });
    logits.forEach((row, i) =>
      expect(row).toBeCloseToArray(expected.logits[i]!, 2e-5),
    );
  },
);

const SHAPES: { name: string; options: RandomModelOptions; tuning?: Tuning }[] =
  [
    { name: "six layers", options: { preset: "six-layers" } },
    {
      name: "six layers, tuned for a GPU",
      options: { preset: "six-layers" },
      tuning: GPU_TUNING,
    },
    { name: "narrow heads", options: { preset: "narrow-heads" } },
    { name: "windows, five tokens long", options: { preset: "gemma-3" } },
    {
      name: "windows, tuned for a GPU",
      options: { preset: "gemma-3" },
      tuning: GPU_TUNING,
    },
    {
      name: "a part of each head rotated",
      options: { preset: "phi-4-mini" },
    },
    {
      name: "Qwen3 with linear RoPE scaling",
      options: { preset: "untied-head" },
      tuning: GPU_TUNING,
    },
  ];

describe.each(SHAPES)("$name", ({ options, tuning }) => {
  test("a prefill cut in any way gives the same logits, bit for bit", async () => {
    const { network } = await randomNetwork(options, tuning);
    const whole = await lastLogits(network, [37]);
    for (const cut of [
      [16, 21],
      [9, 28],
      [12, 13, 12],
    ]) {
      expect(await lastLogits(network, cut)).toEqual(whole);
    }

    /** Logits of the last row, the rows given in slices of these sizes. */
    async function lastLogits(one: TestNetwork, slices: number[]) {
      const { placed, places } = await chatOf(one, [20, 17]);
      let done = 0;
      let logits: Float32Array[] = [];
      for (const size of slices) {
        const slice = places.slice(done, (done += size));
        logits = await forward(one, placed, slice, { splitRows: 37 });
      }
      return logits[0];
    }
  });

  test("a prefill of n rows equals n steps of one row", async () => {
    const { network } = await randomNetwork(options, tuning);
    const first = await chatOf(network, [7, 16]);
    const [whole] = await forward(network, first.placed, first.places);
    const second = await chatOf(network, [7, 16]);
    let stepped: Float32Array[] = [];
    for (const place of second.places) {
      stepped = await forward(network, second.placed, [place]);
    }
    expect(stepped[0]).toBeCloseToArray(whole!, 1e-5);
  });

  test("moving all bases by 10,000 changes no logit", async () => {
    const { network } = await randomNetwork(options, tuning);
    const here = await chatOf(network, [20, 17]);
    const there = await chatOf(network, [20, 17], 10_000);
    const logits = await forward(network, here.placed, here.places);
    expect(await forward(network, there.placed, there.places)).toEqual(logits);
  });

  test("half a stack, then the other half, equals the whole", async () => {
    const { network } = await randomNetwork(options, tuning);
    const { layers } = network;
    const first = await chatOf(network, [20, 17]);
    const whole = await forward(network, first.placed, first.places);
    const second = await chatOf(network, [20, 17]);
    const middle = Math.ceil(layers / 2);
    const lower = { from: 0, to: middle };
    const upper = { from: middle, to: layers };
    await forward(network, second.placed, second.places, {
      asked: 0,
      layers: lower,
    });
    const halves = await forward(network, second.placed, second.places, {
      layers: upper,
      embeds: false,
    });
    expect(halves).toEqual(whole);
  });

  test("the order of the rows does not matter", async () => {
    const { network } = await randomNetwork(options, tuning);
    const first = await chatOf(network, [20, 17]);
    const whole = await forward(network, first.placed, first.places);
    const second = await chatOf(network, [20, 17]);
    const last = second.places.length - 1;
    const shuffled = second.places
      .slice(0, last)
      .map((place, i) => [(i * 7) % last, place] as const)
      .sort(([a], [b]) => a - b)
      .map(([, place]): Place => place);
    const rows = [...shuffled, second.places[last]!];
    expect(await forward(network, second.placed, rows)).toEqual(whole);
  });

  test("rows computed again over exact KV change nothing", async () => {
    const { network } = await randomNetwork(options, tuning);
    const { placed, places } = await chatOf(network, [20, 17]);
    const whole = await forward(network, placed, places);
    const some = places.filter((_, i) => i % 4 === 1);
    await forward(network, placed, some, { asked: 0, splitRows: 37 });
    const last = places.slice(-10);
    const again = await forward(network, placed, last, { splitRows: 37 });
    expect(again).toEqual(whole);
  });

  test("gaps between rounds are kept: positions alone count", async () => {
    const { network, model } = await randomNetwork(options, tuning);
    const tokens = randomRounds([9, 12, 6], network.config.vocabSize);
    const rounds = await roundsOf(network, tokens);
    const bases = [0, 40, 300];
    const placed = rounds.map((round, i) => ({ round, base: bases[i]! }));
    const [logits] = await forward(network, placed, pendingPlaces(placed));
    const positions = tokens.flatMap((one, i) =>
      one.map((_, local) => bases[i]! + local),
    );
    const expected = reference(model, {
      tokens: tokens.flat(),
      positions,
      logitRows: [26],
    });
    expect(logits).toBeCloseToArray(expected.logits[0]!, 2e-5);
  });
});

test("attention is scaled as the layer's recipe says: halves of it are halves of the queries", async () => {
  const model = randomModel({ preset: "six-layers" });
  const config = readConfig(model.config);
  const layers = config.layers.map((layer, l) => {
    const scale = layer.attention.scale / (l % 2 === 0 ? 2 : 1);
    return { ...layer, attention: { ...layer.attention, scale } };
  });
  const tensors = new Map(model.tensors);
  for (const l of [0, 2, 4]) {
    const name = `model.layers.${l}.self_attn.q_proj.weight`;
    const tensor = tensors.get(name)!;
    const values = tensor.values.map((value) => value / 2);
    tensors.set(name, { ...tensor, values });
  }
  const logitsOf = async (one: TestNetwork) => {
    networks.push(one);
    const { placed, places } = await chatOf(one, [20, 17]);
    return forward(one, placed, places);
  };
  const plain = await logitsOf(await networkOf(gpu, config, model.tensors));
  const scaled = await logitsOf(
    await networkOf(gpu, { ...config, layers }, model.tensors),
  );
  expect(scaled).not.toEqual(plain);
  expect(scaled).toEqual(await logitsOf(await networkOf(gpu, config, tensors)));
});

test("two chats in the same pools do not see each other", async () => {
  const { network } = await randomNetwork({ preset: "six-layers" });
  const alone = await chatOf(network, [20, 17]);
  const logits = await forward(network, alone.placed, alone.places);
  const one = await chatOf(network, [20, 17]);
  const other = await chatOf(network, [33]);
  await forward(network, one.placed, one.places.slice(0, 25), { asked: 0 });
  await forward(network, other.placed, other.places);
  const rest = one.places.slice(25);
  const after = await forward(network, one.placed, rest, { splitRows: 37 });
  expect(after).toEqual(logits);
});

test("pools that grow keep what is in them", async () => {
  const { network } = await randomNetwork({ preset: "six-layers" });
  const first = await chatOf(network, [20, 17]);
  const whole = await forward(network, first.placed, first.places);
  const second = await chatOf(network, [20, 17]);
  await forward(network, second.placed, second.places.slice(0, 20), {
    asked: 0,
    splitRows: 37,
  });
  const { generation } = network.cache;
  await reservePages(network.cache, 100);
  expect(network.cache.generation).toBeGreaterThan(generation);
  const rest = second.places.slice(20);
  const grown = await forward(network, second.placed, rest, { splitRows: 37 });
  expect(grown).toEqual(whole);
});

test("a budget that is spent is said, with what to do", async () => {
  const model = randomModel({ preset: "six-layers" });
  const network = await testNetwork(gpu, model.config, model.tensors, {
    kvBudgetBytes: 64 << 10,
  });
  networks.push(network);
  const round = newRound(1, Array(10_000).fill(1) as number[]);
  await expect(
    reservePages(network.cache, Math.ceil(round.tokens.length / 16)),
  ).rejects.toThrow(/memory budget holds \d+ pages.*Raise the budget/);
});
