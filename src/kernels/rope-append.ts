import source from "../../shaders/rope-append.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { pages, rope, step, sum } from "./shared";

/** Norms q in place, rotates k by its place in the round, puts k and v into the pages; constants: `head_dim`, `rotary_dim`, `kv_format`. */
export const ropeAppend = defineKernel({
  label: "rope-append",
  shared: { step, pages, rope, sum },
  source,
  buffers: {
    step: "read",
    rope: "read",
    q_norm: "read",
    k_norm: "read",
    qkv: "read_write",
    k_pages: "read_write",
    v_pages: "read_write",
  },
  params: {
    heads: "u32",
    kv_heads: "u32",
    first_head: "u32",
    qkv_stride: "u32",
    normalizes: "u32",
    eps: "f32",
    half: "u32",
  },
  /** `heads`: key heads, with the query heads before them when there are norms. */
  workgroups: ({ rows, heads }: { rows: number; heads: number }) => [
    rows,
    heads,
  ],
});
