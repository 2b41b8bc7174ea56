import source from "../../../shaders/sample.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { best, sampling, step } from "../shared";

/** Drawn if the logits are unusable: one of them is NaN or +∞, or all are −∞. */
export const NO_TOKEN = 0xffffffff;

/** Draws the next token among the candidates that sample-scan and sample-gather left, by the sampler settings in the step. */
export const sample = defineKernel({
  label: "sample",
  shared: { step, best, sampling },
  source,
  buffers: {
    step: "read",
    settings: "read",
    blocks: "read",
    candidates: "read_write",
    marks: "read_write",
    bias: "read_write",
    sampled: "read_write",
  },
  params: { vocab_size: "u32" },
  workgroups: () => [1],
});
