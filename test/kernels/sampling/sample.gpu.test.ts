import { describe, expect, test } from "vitest";
import { NO_TOKEN, sample } from "../../../src/kernels/sampling/sample";
import { sampleGather } from "../../../src/kernels/sampling/sample-gather";
import {
  sampleScan,
  samplerBytes,
} from "../../../src/kernels/sampling/sample-scan";
import {
  type DrawSettings,
  SamplerBuffer,
} from "../../../src/model/network/sampler-buffer";
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

interface Draw extends DrawSettings {
  index: number;
}

const OFF: Draw = {
  index: 0,
  seed: 1,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

/** What else is told to the sampler. */
interface Rules {
  bias?: ReadonlyMap<number, number>;
  allowed?: ReadonlySet<number>;
  /** Whether later draws see what earlier ones have drawn. */
  isOneReply?: boolean;
}

/** The token drawn for each draw, and the bits of tokens seen afterwards. */
async function draws(
  logits: Float32Array,
  settings: Draw[],
  seenTokens: readonly number[] = [],
  kernels = few,
  rules: Rules = {},
) {
  const vocabSize = logits.length;
  const bits = (tokens: Iterable<number>) => {
    const words = new Uint32Array(Math.ceil(vocabSize / 32));
    for (const token of tokens) words[token >> 5]! |= 1 << (token & 31);
    return words;
  };
  const words = bits(seenTokens);
  const marks = new Uint32Array([
    ...words,
    ...bits([]),
    ...bits(rules.allowed ?? []),
  ]);
  const biases = new Float32Array(vocabSize);
  for (const [token, value] of rules.bias ?? []) biases[token] = value;
  const bias = upload(gpu, biases);
  const bytes = samplerBytes(vocabSize);
  const logitsBuffer = upload(gpu, logits);
  const blocks = emptyBuffer(gpu, bytes.blocks);
  // As an earlier draw may have left it.
  const candidates = upload(gpu, new Uint32Array(bytes.candidates / 4).fill(7));
  const tokens: number[] = [];
  let after: Uint32Array = words;
  const counts: number[] = [];
  let marksBuffer = upload(gpu, marks);
  for (const one of settings) {
    if (!rules.isOneReply) marksBuffer = upload(gpu, marks);
    const sampled = emptyBuffer(gpu, 4);
    const samplerBuffer = new SamplerBuffer(gpu);
    samplerBuffer.write(one);
    const buffers = {
      step: uploadStep(gpu, { rows: [{}], draw: one.index }),
      settings: samplerBuffer.buffer,
      logits: logitsBuffer,
      marks: marksBuffer,
      bias,
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
    after = await downloadWords(gpu, marksBuffer, words.length);
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

describe("of the tokens that are allowed", () => {
  const logits = seededNormals(9001, 12).map((value) => 3 * value);
  const allowed = new Set([...seededInts(700, 9001, 13), 9000]);
  test.each<[string, Partial<Draw>]>([
    ["greedy", { temperature: 0 }],
    ["no filter", {}],
    ["min-p", { minP: 0.1 }],
    ["top-k", { topK: 20 }],
    ["top-p", { topP: 0.8 }],
    ["both", { topK: 30, topP: 0.7, minP: 0.01 }],
  ])("one is drawn as the reference draws it: %s", async (_, settings) => {
    const all = Array.from({ length: 8 }, (_, i): Draw => ({
      ...OFF,
      ...settings,
      hasMask: true,
      index: i,
      seed: 40 + i,
    }));
    const expected = all.map((draw) =>
      reference(logits, { ...draw, step: draw.index, allowed }),
    );
    for (const { margin } of expected) expect(margin).toBeGreaterThan(1e-4);
    const wanted = expected.map(({ token }) => token);
    for (const kernels of [few, many])
      expect(await draws(logits, all, [], kernels, { allowed })).toMatchObject({
        tokens: wanted,
      });
    // The likeliest tokens of all are not allowed.
    const free = all.map((draw) => ({ ...draw, hasMask: false }));
    const { tokens } = await draws(logits, free, [], few, { allowed });
    expect(tokens).not.toEqual(wanted);
  });

  test("the only one is drawn, however unlikely; of none, none", async () => {
    const unlikely = Float32Array.from(logits);
    unlikely[77] = -1000;
    const all: Draw[] = [
      { ...OFF, hasMask: true, temperature: 0 },
      { ...OFF, hasMask: true },
      { ...OFF, hasMask: true, topK: 5, topP: 0.5, minP: 0.5 },
    ];
    const only = { allowed: new Set([77]) };
    expect((await draws(unlikely, all, [], few, only)).tokens).toEqual([
      77, 77, 77,
    ]);
    const none = { allowed: new Set<number>() };
    expect((await draws(unlikely, all, [], few, none)).tokens).toEqual(
      all.map(() => NO_TOKEN),
    );
  });
});

describe("bias and penalties", () => {
  const logits = seededNormals(3000, 21).map((value) => 2 * value);
  const bias = new Map([
    [5, 6],
    [2999, 8],
    [700, -100],
  ]);

  test.each<[string, Partial<Draw>]>([
    ["bias alone", {}],
    ["a presence penalty", { presencePenalty: 1.5 }],
    ["a frequency penalty", { frequencyPenalty: 0.9 }],
    ["a reward for repeating", { frequencyPenalty: -0.7, topK: 50 }],
    [
      "all at once",
      {
        presencePenalty: 0.4,
        frequencyPenalty: 0.6,
        repetitionPenalty: 1.2,
        topP: 0.9,
      },
    ],
  ])("change a reply as the reference says: %s", async (_, settings) => {
    const all = Array.from({ length: 24 }, (_, i): Draw => ({
      ...OFF,
      temperature: 0.6,
      ...settings,
      hasBias: true,
      index: i,
      seed: 3,
    }));
    const drawn: number[] = [];
    const seen = [5, 8, 13];
    for (const draw of all) {
      const { token, margin } = reference(
        logits,
        { ...draw, step: draw.index, bias, drawn },
        [...seen, ...drawn],
      );
      expect(margin).toBeGreaterThan(1e-4);
      drawn.push(token!);
    }
    // What is repeated shows the penalties.
    expect(new Set(drawn).size).toBeLessThan(drawn.length);
    const rules = { bias, isOneReply: true };
    expect(await draws(logits, all, seen, few, rules)).toMatchObject({
      tokens: drawn,
    });
  });

  test("are nothing where the step does not ask for them", async () => {
    const greedy = { ...OFF, temperature: 0 };
    const { tokens } = await draws(logits, [greedy], [], few, { bias });
    expect(tokens).toEqual([reference(logits, { temperature: 0 }).token]);
    const biased = { ...greedy, hasBias: true };
    expect(
      (await draws(logits, [biased], [], few, { bias })).tokens,
    ).not.toEqual(tokens);
  });
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
