import source from "../../../shaders/sample-gather.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { best, sampling, step } from "../shared";

/** Logits of a workgroup. */
const LOGITS = 4096;

/** Lists the tokens that can still be drawn. */
export const sampleGather = defineKernel({
  label: "sample-gather",
  shared: { step, best, sampling },
  source,
  buffers: {
    step: "read",
    settings: "read",
    logits: "read",
    marks: "read",
    bias: "read",
    blocks: "read",
    candidates: "read_write",
  },
  params: { vocab_size: "u32" },
  workgroups: ({ vocabSize }: { vocabSize: number }) => [
    Math.ceil(vocabSize / LOGITS),
  ],
});
