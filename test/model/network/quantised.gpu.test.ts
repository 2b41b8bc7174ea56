// A whole network of quantised weights agrees with double precision on the values that they stand for.
import { afterEach, expect, test } from "vitest";
import {
  destroyNetwork,
  type NetworkOptions,
} from "../../../src/engine/load/network";
import { placeRounds } from "../../../src/memory/page-table";
import type { BlockType } from "../../../src/model/checkpoint/checkpoint";
import { type RandomModel, randomModel } from "../../fixtures/random-model";
import { dequantised } from "../../reference/blocks";
import { llama as reference } from "../../reference/llama";
import { testGpu } from "../../support/gpu";
import "../../support/matchers";
import {
  forward,
  pendingPlaces,
  roundsOf,
  testNetwork,
  type TestNetwork,
} from "../../support/network";
import { randomBlocks } from "../../support/random-blocks";
import { seededInts } from "../../support/random";

const gpu = await testGpu();
const networks: TestNetwork[] = [];

afterEach(() => {
  for (const network of networks.splice(0)) destroyNetwork(gpu, network);
  Reflect.deleteProperty(gpu, "bindingBytes");
});

/** Widths that blocks of 256 divide. */
const SHAPE = {
  preset: "untied-head",
  hiddenSize: 256,
  intermediateSize: 512,
  layers: 2,
  heads: 8,
  headDim: 32,
} as const;

/** The model with its matrices in blocks, of the types by turns. */
function inBlocks(model: RandomModel, types: readonly BlockType[]) {
  let index = 0;
  for (const [name, tensor] of model.tensors) {
    if (tensor.shape.length < 2) continue;
    const type = types[index++ % types.length]!;
    const columns = tensor.shape[1]!;
    const spread = SPREADS[type] / Math.sqrt(columns);
    const { length } = tensor.values;
    const bytes = randomBlocks(type, length, 10 * index, spread);
    const values = Float32Array.from(dequantised(type, bytes));
    (model.tensors as Map<string, typeof tensor>).set(name, {
      ...tensor,
      values,
      blocks: { type, bytes },
    });
  }
  return model;
}

/** What makes a type's random values about as large as its scales. */
const SPREADS: Record<BlockType, number> = {
  Q2_K: 0.05,
  Q3_K: 0.022,
  IQ4_NL: 0.0145,
  IQ4_XS: 0.0008,
  Q4_0: 0.2,
  Q4_1: 0.1,
  Q5_0: 0.1,
  Q5_1: 0.05,
  Q8_0: 0.015,
  Q4_K: 0.003,
  Q5_K: 0.0015,
  Q6_K: 0.0007,
};

async function logitsOf(model: RandomModel, options: NetworkOptions = {}) {
  const network = await testNetwork(gpu, model.config, model.tensors, options);
  networks.push(network);
  const tokens = [11, 13].map((length, i) => [
    ...seededInts(length, network.config.vocabSize, 100 + i),
  ]);
  const placed = placeRounds(await roundsOf(network, tokens), 0);
  const places = pendingPlaces(placed);
  const asked = 4;
  const logits = await forward(network, placed, places, { asked });
  const logitRows = Array.from({ length: asked }, (_, i) => 24 - asked + i);
  const expected = reference(model, { tokens: tokens.flat(), logitRows });
  return { network, logits, expected: expected.logits };
}

const sets: [BlockType[], number][] = [
  [["Q4_0"], 2e-5],
  [["Q4_0", "Q8_0", "Q5_0", "Q4_1", "Q5_1"], 2e-5],
  // Of the others, gate and up are alike: no format holds a Q6_K beside a Q4_K as they are.
  [["IQ4_NL", "Q5_0", "IQ4_NL", "Q8_0"], 2e-5],
  // Scales of these are rounded to halves: a file of them is met to about a thousandth, which a random network makes more of.
  [["Q4_K", "Q6_K", "Q5_K"], 3e-2],
  [["Q2_K", "Q3_K"], 3e-2],
  [["IQ4_XS", "Q6_K", "Q3_K"], 3e-2],
];

test.each(sets)("weights in %s", async (types, tolerance) => {
  const model = inBlocks(randomModel(SHAPE), types);
  const { logits, expected } = await logitsOf(model);
  logits.forEach((row, i) => {
    expect(row).toBeCloseToArray(expected[i]!, tolerance);
    expect(cosine(row, expected[i]!)).toBeGreaterThan(0.999);
  });
});

test.each([
  [8, 0.999],
  [4, 0.95], // a random network forgives less than a trained one
] as const)("float weights rounded to %s bits", async (bits, least) => {
  const model = randomModel({ ...SHAPE, type: "BF16" });
  const { network, logits, expected } = await logitsOf(model, {
    weightBits: bits,
  });
  const format = `Q${bits}`;
  expect(network.weights.layers[0]!.gateUp.parts[0]!.format).toBe(format);
  logits.forEach((row, i) =>
    expect(cosine(row, expected[i]!)).toBeGreaterThan(least),
  );
});

test("q, k and v that no format holds are parts of one matrix, biases and all", async () => {
  const shape = { ...SHAPE, architecture: "Qwen2ForCausalLM" } as const;
  // Embedding, then q, k, v, output, gate, up and down of each layer, and the head.
  const model = inBlocks(randomModel(shape), ["Q8_0", "Q5_1", "Q6_K", "Q4_K"]);
  const { network, logits, expected } = await logitsOf(model);
  const { qkv, gateUp } = network.weights.layers[0]!;
  expect(qkv.parts.map(({ format, rows }) => [format, rows])).toEqual([
    ["Q5", 256],
    ["Q6", 64],
    ["Q4", 64],
  ]);
  expect(gateUp.parts).toHaveLength(1);
  logits.forEach((row, i) => expect(row).toBeCloseToArray(expected[i]!, 3e-2));
});

test("a matrix too large for one binding is cut in parts, and gives the same bits", async () => {
  const model = inBlocks(randomModel(SHAPE), ["Q8_0"]);
  const whole = await logitsOf(model);
  // The gated matrix and the workspace fit it; the embedding has 3,001 rows of 256 bytes.
  Object.defineProperty(gpu, "bindingBytes", {
    value: 600 << 10,
    configurable: true,
  });
  const wide = { ...SHAPE, vocabSize: 3001 };
  const cut = await logitsOf(inBlocks(randomModel(wide), ["Q8_0"]));
  expect(cut.network.weights.lmHead.parts).toHaveLength(2);
  expect(cut.network.weights.embedTokens.parts).toHaveLength(2);
  expect(whole.network.weights.lmHead.parts).toHaveLength(1);
  cut.logits.forEach((row, i) =>
    expect(row).toBeCloseToArray(cut.expected[i]!, 2e-5),
  );
});

function cosine(a: Float32Array, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
