import source from "../../../shaders/sample-scan.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { best, sampling, step } from "../shared";

/** Logits of a workgroup. */
const BLOCK = 1024;

/** Of each block of logits the largest, and the sum of exponents. */
export const sampleScan = defineKernel({
  label: "sample-scan",
  shared: { step, best, sampling },
  source,
  buffers: {
    step: "read",
    settings: "read",
    logits: "read",
    marks: "read",
    bias: "read",
    blocks: "read_write",
    candidates: "read_write",
  },
  params: { vocab_size: "u32" },
  workgroups: ({ vocabSize }: { vocabSize: number }) => [
    Math.ceil(vocabSize / BLOCK),
  ],
});

/** What the kernels of the sampler hand on, in bytes: a Block for each block, and room for every token. */
export function samplerBytes(vocabSize: number): {
  blocks: number;
  candidates: number;
} {
  return {
    blocks: 16 * Math.ceil(vocabSize / BLOCK),
    candidates: 8 + 8 * vocabSize,
  };
}
