import source from "../../shaders/relevance-join.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step } from "./shared";

const PAGES_PER_WORKGROUP = 16;

/** Softmax probability of each token of the lower pages, summed over the asked rows: [pages][16]. */
export const relevanceJoin = defineKernel({
  label: "relevance-join",
  shared: { step },
  source,
  buffers: {
    step: "read",
    scores: "read",
    softmaxes: "read",
    relevance: "read_write",
  },
  params: { adds: "u32" },
  workgroups: ({ pages }: { pages: number }) => [
    Math.ceil(pages / PAGES_PER_WORKGROUP),
  ],
});
