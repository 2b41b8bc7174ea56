import source from "../../shaders/relevance.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { pages, rope, step } from "./shared";

/** Scores of the asked rows against the tokens of the lower pages, heads concatenated, the prefix left out; constants: `head_dim`, `rotary_dim`, `kv_format`. */
export const relevance = defineKernel({
  label: "relevance",
  shared: { step, pages, rope },
  source,
  buffers: {
    step: "read",
    pages: "read",
    rope: "read",
    qkv: "read",
    k_pages: "read",
    scores: "read_write",
    softmaxes: "read_write",
  },
  params: {
    kv_heads: "u32",
    group: "u32",
    qkv_stride: "u32",
    scale: "f32",
  },
  workgroups: (
    { pages, askedRows }: { pages: number; askedRows: number },
    { workgroup_size = 32 },
  ) => [pages, Math.ceil(askedRows / workgroup_size)],
});
