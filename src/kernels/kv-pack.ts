import source from "../../shaders/kv-pack.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { packed, pages } from "./shared";

/** Quantises a round's pages of one layer's K or V to int8 with scales; constants: `head_dim`, `kv_format`. */
export const kvPack = defineKernel({
  label: "kv-pack",
  shared: { pages, packed },
  source,
  buffers: { round_pages: "read", kv_pages: "read", packed: "read_write" },
  params: { kv_heads: "u32", matrix: "u32" },
  /** `pages` of the round. */
  workgroups: ({ pages, kvHeads }: { pages: number; kvHeads: number }) => [
    Math.ceil((kvHeads * 16) / 64),
    pages,
  ],
});
