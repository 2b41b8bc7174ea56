/**
 * Scores of a step's rows by single heads, each unit at a distance of its own: three dispatches a head, recorded
 * for this call only.
 */
import type { Pass } from "../../gpu/gpu";
import { type Half, HALVES } from "../../util/kv-half";
import type { IndexHead } from "../config/round-index";
import { strideOf } from "../weights/matrix-format";
import type { LayerContext, LayerKeys } from "./layer";
import { qkvColumns, ropeIndex } from "./workspace";

/** Which heads score which units in a step. Structs are those of shared/scoring.wgsl. */
export interface ScoreRequest {
  /** Those of layers that are not run score nothing. */
  heads: readonly IndexHead[];
  /** Rows that are scored. */
  rows: number;
  units: number;
  /** Pages that are read from the layer's own buffer, and behind them those of the index. */
  pages: { resident: number; indexed: number };
  /** A `Scoring`. */
  scoring: GPUBuffer;
  /** [pages] of `ScoredPage`, by the half that the layer is in. */
  entries: Record<Half, GPUBuffer>;
  /** [units] of `ScoredUnit`. */
  unitTable: GPUBuffer;
  /** Keys of the index: [page][heads, in the order above][16][head_dim]. Needed where pages are indexed. */
  indexKeys: GPUBuffer | undefined;
  /** Scratch: [pages][rows] pairs of f32. */
  softmaxes: GPUBuffer;
  /** Receives [heads][units][rows of all steps] pairs of f32: log of the sum, greatest. */
  unitSoftmaxes: GPUBuffer;
}

/** To be called when the layer's queries and keys have been computed, and its attention has not. */
export function scoreHeads(
  pass: Pass,
  { config, kernels, workspace }: LayerContext,
  layer: number,
  keys: LayerKeys,
  request: ScoreRequest,
): void {
  const { heads, rows, units, pages, scoring, softmaxes } = request;
  const { numAttentionHeads, numKeyValueHeads, headDim } = config;
  const { rope, scale } = config.layers[layer]!.attention;
  const score = (
    head: number,
    k_pages: GPUBuffer,
    of: { kv_heads: number; kv_head: number; of_index: number },
  ) =>
    kernels.evenScores.record(
      {
        scoring,
        entries: request.entries[HALVES[keys.half % HALVES.length]!],
        rope: workspace.ropes[ropeIndex(config, rope)]!,
        qkv: workspace.qkv,
        k_pages,
        softmaxes,
      },
      {
        ...of,
        qkv_stride: strideOf(qkvColumns(config)) / 4,
        head_offset: (head * headDim) / 4,
        last_position: config.maxPositionEmbeddings - 1,
        scale,
      },
    );

  heads.forEach((one, i) => {
    if (one.layer !== layer) return;
    const group = numAttentionHeads / numKeyValueHeads;
    if (pages.resident > 0) {
      const kv_head = Math.floor(one.head / group);
      const of = { kv_heads: numKeyValueHeads, kv_head, of_index: 0 };
      const run = score(one.head, keys.pages.k, of);
      run(pass, { pages: pages.resident, rows });
    }
    if (pages.indexed > 0) {
      const of = { kv_heads: heads.length, kv_head: i, of_index: 1 };
      const run = score(one.head, request.indexKeys!, of);
      run(pass, { pages: pages.indexed, rows });
    }
    const join = kernels.evenScoresJoin.record(
      {
        scoring,
        units: request.unitTable,
        softmaxes,
        unit_softmaxes: request.unitSoftmaxes,
      },
      { head: i },
    );
    join(pass, { units, rows });
  });
}
