import source from "../../shaders/even-scores.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { pages, rope, scoring } from "./shared";

/** Scores of rows against the tokens of pages by one head, reduced to a softmax for each page and row; constants: `head_dim`, `rotary_dim`, `kv_format`. */
export const evenScores = defineKernel({
  label: "even-scores",
  shared: { scoring, pages, rope },
  source,
  buffers: {
    scoring: "read",
    entries: "read",
    rope: "read",
    qkv: "read",
    k_pages: "read",
    softmaxes: "read_write",
  },
  params: {
    kv_heads: "u32",
    kv_head: "u32",
    qkv_stride: "u32",
    head_offset: "u32",
    last_position: "u32",
    of_index: "u32",
    scale: "f32",
  },
  workgroups: (
    { pages, rows }: { pages: number; rows: number },
    { workgroup_size = 32 },
  ) => [pages, Math.ceil(rows / workgroup_size)],
});
