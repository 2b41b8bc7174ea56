import source from "../../../shaders/logprobs.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { best, logprobs as shared } from "../shared";

/** Log-probabilities of the token drawn and of the likeliest ones, from what logprobs-scan has left. */
export const logprobs = defineKernel({
  label: "logprobs",
  shared: { best, logprobs: shared },
  source,
  buffers: {
    logits: "read",
    tops: "read",
    sampled: "read",
    logprobs: "read_write",
  },
  params: { vocab_size: "u32", top_count: "u32" },
  workgroups: () => [1],
});
