import source from "../../shaders/attention.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { pages, partials, rope, step } from "./shared";

/** Attention of a step's rows over one half's page table, split by split; constants: `AttentionTile`'s, `head_dim`, `rotary_dim`, `kv_format`, `is_compact`. */
export const attention = defineKernel({
  label: "attention",
  shared: { step, pages, rope, partials },
  source,
  buffers: {
    step: "read",
    pages: "read",
    rope: "read",
    qkv: "read",
    k_pages: "read",
    v_pages: "read",
    partials: "read_write",
    mass: "read_write",
  },
  params: {
    half: "u32",
    heads: "u32",
    kv_heads: "u32",
    group: "u32",
    qkv_stride: "u32",
    scale: "f32",
    emits_mass: "u32",
    window: "u32",
  },
  workgroups: (
    {
      rows,
      group,
      kvHeads,
      splits,
    }: { rows: number; group: number; kvHeads: number; splits: number },
    { tile_queries = 16 },
  ) => [splits, Math.ceil((rows * group) / tile_queries), kvHeads],
});

/** The kernel's tile, as its `override` constants. */
export interface AttentionTile {
  tile_queries: number;
  tile_keys: number;
  workgroup_size: number;
}

/** Workgroup memory that every device offers. */
const WORKGROUP_BYTES = 16384;
/** A value invocation owns at most this many queries. */
const QUERIES_PER_INVOCATION = 4;

/**
 * The largest tile for up to `queries` queries (16 at most) of this head size that fits every device's workgroup
 * memory.
 */
export function attentionTile(queries: number, headDim: number): AttentionTile {
  let tile_queries = Math.min(16, 2 ** Math.ceil(Math.log2(queries)));
  let tile_keys = 16;
  const size = () => Math.max(64, tile_queries * tile_keys);
  const bytes = () =>
    16 * (tile_queries * (headDim / 4) + tile_keys * (headDim / 4 + 1)) +
    4 * tile_queries * (2 * tile_keys + 1);
  const coversValues = () =>
    Math.floor(size() / (headDim / 4)) * QUERIES_PER_INVOCATION >= tile_queries;
  while (bytes() > WORKGROUP_BYTES || !coversValues()) {
    if (tile_keys > 8 || tile_queries === 1) tile_keys /= 2;
    else tile_queries /= 2;
    if (tile_keys < 1)
      throw new RangeError(`attention: no tile for head_dim ${headDim}`);
  }
  return { tile_queries, tile_keys, workgroup_size: size() };
}
