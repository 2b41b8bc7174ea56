import source from "../../shaders/sample.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step } from "./shared";

/** Drawn if the logits are unusable: one of them is NaN or +∞, or all are −∞. */
export const NO_TOKEN = 0xffffffff;

/** Draws the next token from logits, by the sampler settings in the step. */
export const sample = defineKernel({
  label: "sample",
  shared: { step },
  source,
  buffers: {
    step: "read",
    logits: "read",
    seen: "read_write",
    sampled: "read_write",
  },
  params: { vocab_size: "u32" },
  workgroups: () => [1],
});
