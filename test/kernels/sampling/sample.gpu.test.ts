import { describe, expect, test } from "vitest";
import { NO_TOKEN, sample } from "../../../src/kernels/sampling/sample";
import { sampleGather } from "../../../src/kernels/sampling/sample-gather";
import {
  sampleScan,
  samplerBytes,
} from "../../../src/kernels/sampling/sample-scan";
import type { Draw } from "../../../src/model/network/step";
import { sample as reference } from "../../reference/sample";
import {
  downloadWords,
  emptyBuffer,
  inOnePass,
  testGpu,
  upload,
  uploadStep,
} from "../../support/gpu";
import { seededInts, seededNormals } from "../../support/random";

const gpu = await testGpu();
const compiled = (sample_lanes: number) =>
  Promise.all([
    sampleScan(gpu, { sample_lanes }),
    sampleGather(gpu, { sample_lanes }),
    sample(gpu, { sample_lanes }),
  ]);
const few = await compiled(16); // as on software adapters
const many = await compiled(256);

const OFF: Draw = {
  index: 0,
  seed: 1,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

/** The token drawn for each draw, and the bits of tokens seen afterwards. */
async function draws(
  logits: Float32Array,
  settings: Draw[],
  seenTokens: number[] = [],
  kernels = few,
) {
  const words = new Uint32Array(Math.ceil(logits.length / 32));
  for (const token of seenTokens) words[token >> 5]! |= 1 << (token & 31);
  const vocabSize = logits.length;
  const bytes = samplerBytes(vocabSize);
  const logitsBuffer = upload(gpu, logits);
  const blocks = emptyBuffer(gpu, bytes.blocks);
  // As an earlier draw may have left it.
  const candidates = upload(gpu, new Uint32Array(bytes.candidates / 4).fill(7));
  const tokens: number[] = [];
  let after: Uint32Array = words;
  const counts: number[] = [];
  for (const one of settings) {
    const seen = upload(gpu, words);
    const sampled = emptyBuffer(gpu, 4);
    const buffers = {
      step: uploadStep(gpu, { rows: [{}], draw: one }),
      logits: logitsBuffer,
      seen,
      blocks,
      candidates,
      sampled,
    };
    const params = { vocab_size: vocabSize };
    const dispatches = kernels.map((kernel) => kernel.record(buffers, params));
    await inOnePass(gpu, (pass) => {
      for (const dispatch of dispatches) dispatch(pass, { vocabSize });
    });
    counts.push((await downloadWords(gpu, candidates))[0]!);
    tokens.push((await downloadWords(gpu, sampled))[0]!);
    after = await downloadWords(gpu, seen, words.length);
  }
  return { tokens, after, counts };
}

test.each([1, 5, 255, 256, 257, 1536, 50_000])(
  "greedy takes the largest of %i logits",
  async (vocabulary) => {
    const logits = seededNormals(vocabulary, 3);
    const { tokens } = await draws(logits, [{ ...OFF, temperature: 0 }]);
    expect(tokens).toEqual([reference(logits, { temperature: 0 }).token]);
  },
);

test("greedy takes the lowest token on ties", async () => {
  const logits = new Float32Array(600).fill(-1);
  logits[411] = logits[37] = logits[299] = 2;
  expect((await draws(logits, [{ ...OFF, temperature: 0 }])).tokens).toEqual([
    37,
  ]);
});

test.each<[string, Partial<Draw>]>([
  ["temperature alone", { temperature: 0.8 }],
  ["top-k", { topK: 5 }],
  ["top-k of 1", { topK: 1 }],
  ["top-k beyond the vocabulary", { topK: 5000 }],
  ["top-p", { topP: 0.7 }],
  ["a tiny top-p", { topP: 0.001 }],
  ["min-p", { minP: 0.2 }],
  [
    "all at once",
    {
      temperature: 1.3,
      topK: 40,
      topP: 0.9,
      minP: 0.02,
      repetitionPenalty: 1.4,
    },
  ],
  ["a high temperature", { temperature: 5, topP: 0.95 }],
])("draws what the reference draws: %s", async (_, settings) => {
  const logits = seededNormals(1536, 5).map((value) => 3 * value);
  const seen = [...seededInts(200, 1536, 6)];
  const all = Array.from({ length: 12 }, (_, i): Draw => ({
    ...OFF,
    ...settings,
    index: i,
    seed: 77 + 1000 * i,
  }));
  const expected = all.map((draw) =>
    reference(logits, { ...draw, step: draw.index }, seen),
  );
  // A draw that rounding could turn proves nothing: there are none here.
  for (const { margin } of expected) expect(margin).toBeGreaterThan(1e-4);
  const { tokens } = await draws(logits, all, seen);
  expect(tokens).toEqual(expected.map(({ token }) => token));
});

describe("over many workgroups", () => {
  const logits = seededNormals(50_001, 8).map((value) => 3 * value);
  const of = (settings: Partial<Draw>) =>
    Array.from({ length: 4 }, (_, i): Draw => ({
      ...OFF,
      ...settings,
      index: i,
      seed: 5 + i,
    }));

  // The last are how many tokens are handed on at most, after two passes over the logits.
  test.each<[string, Partial<Draw>, number]>([
    ["greedy", { temperature: 0 }, 0],
    ["no filter", {}, 13], // one for each 4,096
    ["min-p", { minP: 0.05 }, 13],
    ["top-k", { topK: 40 }, 300],
    ["top-p", { topP: 0.9, temperature: 0.7 }, 6000],
    ["both", { topK: 20, topP: 0.8, repetitionPenalty: 1.1 }, 150],
    ["more than blocks", { topK: 500, topP: 0.95 }, 50_001],
    ["nearly flat", { topP: 0.9, temperature: 8 }, 50_001],
  ])("draws what the reference draws: %s", async (_, settings, most) => {
    const seen = [...seededInts(100, 50_001, 6)];
    const all = of(settings);
    const expected = all.map((draw) =>
      reference(logits, { ...draw, step: draw.index }, seen),
    );
    for (const { margin } of expected) expect(margin).toBeGreaterThan(1e-4);
    const { tokens, counts } = await draws(logits, all, seen, many);
    expect(tokens).toEqual(expected.map(({ token }) => token));
    for (const count of counts) expect(count).toBeLessThanOrEqual(most);
    expect(await draws(logits, all, seen, few)).toMatchObject({ tokens });
  });
});

test("never draws what the filters leave out, and all that they keep", async () => {
  const logits = Float32Array.from({ length: 300 }, (_, i) => -i / 2);
  const settings = { ...OFF, temperature: 2, topK: 6, topP: 0.9 };
  const { kept } = reference(logits, settings);
  const all = Array.from({ length: 150 }, (_, i): Draw => ({
    ...settings,
    seed: i,
  }));
  const { tokens } = await draws(logits, all);
  expect([...new Set(tokens)].sort((a, b) => a - b)).toEqual(kept);
});

test("the same seed draws the same token, another draw of the reply another", async () => {
  const logits = new Float32Array(1000);
  const one = { ...OFF, seed: 5 };
  const { tokens } = await draws(logits, [one, one, { ...one, index: 1 }]);
  expect(tokens[1]).toBe(tokens[0]);
  expect(tokens[2]).not.toBe(tokens[0]);
});

test("draws follow the distribution", async () => {
  const probabilities = [0.5, 0.25, 0.15, 0.1];
  const logits = Float32Array.from(probabilities, Math.log);
  const count = 800;
  const { tokens } = await draws(
    logits,
    Array.from({ length: count }, (_, i) => ({ ...OFF, index: i, seed: 9 })),
  );
  const chiSquare = probabilities.reduce((sum, p, token) => {
    const seen = tokens.filter((one) => one === token).length;
    return sum + (seen - count * p) ** 2 / (count * p);
  }, 0);
  expect(chiSquare).toBeLessThan(16.3); // 99.9 % of the time, with three degrees of freedom
});

test("the drawn token counts as seen from then on", async () => {
  const logits = new Float32Array(70);
  logits[69] = 3;
  const { after } = await draws(logits, [{ ...OFF, temperature: 0 }], [1]);
  expect([...after]).toEqual([2, 0, 1 << 5]);
});

describe("where the logits say nothing, no token is drawn, and none counts as seen", () => {
  /** 600 logits, with these in their places. */
  const logitsWith = (changed: Record<number, number>) =>
    Object.assign(seededNormals(600, 4), changed);
  const bits = (word: number) =>
    new Float32Array(new Uint32Array([word]).buffer)[0]!;
  const settings: Draw[] = [
    { ...OFF, temperature: 0 },
    OFF,
    { ...OFF, topK: 5, topP: 0.9, minP: 0.1, repetitionPenalty: 1.3 },
  ];

  test.each<[string, Float32Array]>([
    ["NaN first", logitsWith({ 0: NaN })],
    ["NaN last", logitsWith({ 599: NaN })],
    ["NaN of another kind", logitsWith({ 300: bits(0xff800001) })],
    ["nothing but NaN", new Float32Array(600).fill(NaN)],
    ["+∞", logitsWith({ 257: Infinity })],
    ["nothing but −∞", new Float32Array(600).fill(-Infinity)],
    ["NaN as the only token", new Float32Array([NaN])],
  ])("%s", async (_, logits) => {
    for (const draw of settings)
      expect(reference(logits, draw, [1]).token).toBeUndefined();
    const { tokens, after } = await draws(logits, settings, [1]);
    expect(tokens).toEqual(settings.map(() => NO_TOKEN));
    const seen = new Uint32Array(after.length);
    seen[0] = 2;
    expect(after).toEqual(seen);
  });

  test("−∞ among others is a token that is never drawn", async () => {
    const logits = logitsWith({ 0: -Infinity, 300: -Infinity });
    const { tokens } = await draws(logits, settings);
    expect(tokens).toEqual(
      settings.map((draw) => reference(logits, draw).token),
    );
  });
});
