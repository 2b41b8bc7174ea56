import source from "../../shaders/kv-unpack.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { packed, pages } from "./shared";

/** Fills a round's pages of one layer's K or V from int8 with scales; constants: `head_dim`, `kv_format`. */
export const kvUnpack = defineKernel({
  label: "kv-unpack",
  shared: { pages, packed },
  source,
  buffers: { round_pages: "read", packed: "read", kv_pages: "read_write" },
  params: { kv_heads: "u32", matrix: "u32" },
  /** `pages` of the round. */
  workgroups: (
    { pages, kvHeads }: { pages: number; kvHeads: number },
    { head_dim = 32 },
  ) => [Math.ceil((kvHeads * 16 * head_dim) / 4 / 64), pages],
});
