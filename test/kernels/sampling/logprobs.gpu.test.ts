// Log-probabilities of the token drawn and of the likeliest ones, against a softmax in double precision.
import { expect, test } from "vitest";
import { logprobs } from "../../../src/kernels/sampling/logprobs";
import {
  logprobsBytes,
  logprobsScan,
  MOST_TOP,
} from "../../../src/kernels/sampling/logprobs-scan";
import { NO_TOKEN } from "../../../src/kernels/sampling/sample";
import { logprobsOf } from "../../reference/logprobs";
import {
  downloadWords,
  emptyBuffer,
  inOnePass,
  testGpu,
  upload,
} from "../../support/gpu";
import { seededNormals } from "../../support/random";

const gpu = await testGpu();

async function read(
  logits: Float32Array,
  token: number,
  topCount: number,
  sample_lanes = 16,
) {
  const vocabSize = logits.length;
  const bytes = logprobsBytes(vocabSize);
  const buffers = {
    logits: upload(gpu, logits),
    sampled: upload(gpu, new Uint32Array([token])),
    tops: emptyBuffer(gpu, bytes.tops),
    logprobs: emptyBuffer(gpu, bytes.logprobs),
  };
  const params = { vocab_size: vocabSize, top_count: topCount };
  const kernels = await Promise.all([
    logprobsScan(gpu, { sample_lanes }),
    logprobs(gpu, { sample_lanes }),
  ]);
  const dispatches = kernels.map((kernel) => kernel.record(buffers, params));
  await inOnePass(gpu, (pass) => {
    for (const dispatch of dispatches) dispatch(pass, { vocabSize });
  });
  const words = await downloadWords(gpu, buffers.logprobs);
  const floats = new Float32Array(words.buffer, words.byteOffset);
  return {
    drawn: floats[0]!,
    top: Array.from({ length: topCount }, (_, i) => ({
      token: words[3 + 2 * i]!,
      logprob: floats[2 + 2 * i]!,
    })),
  };
}

test.each([
  [1, 0],
  [3, 1],
  [1024, 5],
  [1025, 20],
  [50_001, 20],
])(
  "of %i logits, and the %i likeliest, are the reference's",
  async (vocabulary, topCount) => {
    const logits = seededNormals(vocabulary, 31).map((value) => 4 * value);
    const token = Math.floor(vocabulary / 3);
    const expected = logprobsOf(logits, token, topCount);
    for (const lanes of [16, 256]) {
      const { drawn, top } = await read(logits, token, topCount, lanes);
      expect(drawn).toBeCloseTo(expected.drawn, 4);
      expect(top.map((one) => one.token)).toEqual(
        expected.top.map((one) => one.token),
      );
      for (const [i, one] of top.entries())
        expect(one.logprob).toBeCloseTo(expected.top[i]!.logprob, 4);
    }
  },
);

test("equal ones come by token, also where they fill a block or none is there", async () => {
  const equal = new Float32Array(2100).fill(1.5);
  const { top } = await read(equal, 4, MOST_TOP);
  expect(top.map(({ token }) => token)).toEqual(
    Array.from({ length: MOST_TOP }, (_, i) => i),
  );
  for (const { logprob } of top)
    expect(logprob).toBeCloseTo(-Math.log(2100), 4);
});

test("what is impossible is told of last, and what is not there not at all", async () => {
  const logits = new Float32Array(2000).fill(-Infinity);
  logits[1999] = 2;
  logits[3] = 1;
  const { drawn, top } = await read(logits, 1999, 4);
  expect(drawn).toBeCloseTo(-Math.log(1 + Math.exp(-1)), 4);
  expect(top.map(({ token }) => token)).toEqual([1999, 3, NO_TOKEN, NO_TOKEN]);
});

test("of a token that was not drawn is 0", async () => {
  const { drawn } = await read(seededNormals(50, 2), NO_TOKEN, 1);
  expect(drawn).toBe(0);
});
