import source from "../../../shaders/logprobs-scan.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { best, logprobs } from "../shared";

/** Logits of a workgroup. */
const BLOCK = 1024;

/** The most likeliest tokens that are told of. */
export const MOST_TOP = 20;

/** Of each block of logits the largest, the sum of exponents, and its likeliest tokens. */
export const logprobsScan = defineKernel({
  label: "logprobs-scan",
  shared: { best, logprobs },
  source,
  buffers: { logits: "read", tops: "read_write" },
  params: { vocab_size: "u32", top_count: "u32" },
  workgroups: ({ vocabSize }: { vocabSize: number }) => [
    Math.ceil(vocabSize / BLOCK),
  ],
});

/** What the two kernels of log-probabilities write, in bytes. */
export function logprobsBytes(vocabSize: number): {
  tops: number;
  logprobs: number;
} {
  const list = 8 * MOST_TOP;
  return {
    tops: (8 + list) * Math.ceil(vocabSize / BLOCK),
    logprobs: 8 + list,
  };
}
