import source from "../../shaders/kv-pack.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { scaleGroup } from "./formats";
import { packed, pages } from "./shared";

/** Quantises a round's pages of one layer's K or V to int8 with scales; constants: `head_dim`, `kv_format`. */
export const kvPack = defineKernel({
  label: "kv-pack",
  shared: { pages, packed },
  source,
  buffers: { round_pages: "read", kv_pages: "read", packed: "read_write" },
  params: { kv_heads: "u32", matrix: "u32" },
  /** `pages` of the round. */
  workgroups: (
    { pages, kvHeads }: { pages: number; kvHeads: number },
    { head_dim = 32 },
  ) => [
    Math.ceil((kvHeads * 16 * head_dim) / (2 * scaleGroup(head_dim)) / 64),
    pages,
  ],
});
