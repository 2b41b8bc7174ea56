/** The buffers between the kernels of a network: one step's rows on their way through the layers. */
import type { Gpu } from "../../gpu/gpu";
import { samplerBytes } from "../../kernels/sampling/sample-scan";
import type { ModelConfig } from "../config/computable";
import { strideOf } from "../weights/matrix-format";
import { ropeTable } from "./rope";
import { SamplerBuffer } from "./sampler-buffer";
import { StepBuffer } from "./step";
import type { Tuning } from "./tuning";

/** The most rows of one step. */
export const ROW_CAPACITY = 256;
/** The most rows of one step whose logits can be asked for. */
export const ASKED_CAPACITY = 16;

/** The fewest pages of a split: smaller ones would be dominated by start-up costs. */
const SPLIT_PAGES = 4;
/** The most splits: attention-join.wgsl has a lane for each. */
const MOST_SPLITS = 32;
/** Queries that a tile of attention takes, for counting its workgroups. */
const TILE_QUERIES = 16;

/** f32 buffers unless it says otherwise; rows are padded to strideOf(columns). */
export interface Workspace {
  step: StepBuffer;
  sampler: SamplerBuffer;
  /** Of each RoPE, and last of none: cos and sin of [256 fine positions, then coarse ones][rotary_dim / 2]. */
  ropes: readonly GPUBuffer[];
  /** [ROW_CAPACITY, hidden]: the residual stream. */
  residual: GPUBuffer;
  /** [ROW_CAPACITY, (heads + 2 · kv heads) · head_dim] */
  qkv: GPUBuffer;
  /** Partial results of attention's splits; see attention.wgsl. */
  partials: GPUBuffer;
  /** [ROW_CAPACITY, heads · head_dim] */
  attended: GPUBuffer;
  /** [ROW_CAPACITY, intermediate] */
  activated: GPUBuffer;
  /** [ROW_CAPACITY, hidden]: what attention or MLP give, for layers with norms behind them. */
  projected: GPUBuffer | undefined;
  /** [ASKED_CAPACITY, hidden]: the asked rows, normalised. */
  asked: GPUBuffer;
  /** [ASKED_CAPACITY, vocabulary] */
  logits: GPUBuffer;
  /** Of each block of logits, and tokens that can be drawn: between the kernels of the sampler. */
  blocks: GPUBuffer;
  candidates: GPUBuffer;
  /** [1] u32: the token that the sampler drew last, or NO_TOKEN. */
  sampled: GPUBuffer;
  /** [3][vocabulary / 32]: bits of tokens that are in the chat, were drawn in this reply, may be drawn (sampling.wgsl). */
  marks: GPUBuffer;
  /** [vocabulary]: what the sampler adds to logits. */
  bias: GPUBuffer;
  destroy(): void;
}

export function createWorkspace(
  gpu: Gpu,
  config: ModelConfig,
  { busyWorkgroups }: Tuning,
): Workspace {
  const { numAttentionHeads: heads, headDim, hiddenSize, vocabSize } = config;
  const buffers: GPUBuffer[] = [];
  const make = (label: string, bytes: number) => {
    const memoryClass = "activations";
    const buffer = gpu.buffer({ label, memoryClass, bytes });
    buffers.push(buffer);
    return buffer;
  };
  const rows = (label: string, count: number, columns: number) =>
    make(label, count * strideOf(columns) * 4);

  const step = new StepBuffer(gpu, ROW_CAPACITY);
  const sampler = new SamplerBuffer(gpu);
  const ropes = [...config.ropes, null].map((rope) => {
    const { maxPositionEmbeddings: positions } = config;
    const rotations = ropeTable(rope, rotaryDim(config), positions);
    const buffer = make("rotations", rotations.byteLength);
    gpu.write(buffer, 0, rotations);
    return buffer;
  });
  // splitsFor() never lets rows · splits exceed this.
  const partialRows =
    ROW_CAPACITY + Math.ceil((busyWorkgroups * TILE_QUERIES) / heads);

  return {
    step,
    sampler,
    ropes,
    residual: rows("residual stream", ROW_CAPACITY, hiddenSize),
    qkv: rows("qkv", ROW_CAPACITY, qkvColumns(config)),
    partials: make(
      "attention partials",
      partialRows * heads * (headDim + 4) * 4,
    ),
    attended: rows("attended values", ROW_CAPACITY, heads * headDim),
    activated: rows("activated", ROW_CAPACITY, config.intermediateSize),
    projected: hasPostNorms(config)
      ? rows("projected", ROW_CAPACITY, hiddenSize)
      : undefined,
    asked: rows("asked rows", ASKED_CAPACITY, hiddenSize),
    logits: rows("logits", ASKED_CAPACITY, vocabSize),
    blocks: make("blocks of logits", samplerBytes(vocabSize).blocks),
    candidates: make("candidates", samplerBytes(vocabSize).candidates),
    sampled: make("sampled token", 4),
    marks: make("marks of tokens", 3 * Math.ceil(vocabSize / 32) * 4),
    bias: make("bias of tokens", vocabSize * 4),
    destroy() {
      step.destroy();
      sampler.destroy();
      for (const buffer of buffers) gpu.destroyBuffer(buffer);
    },
  };
}

/** Values of a head that RoPE turns. */
export function rotaryDim({ headDim, ropes }: ModelConfig): number {
  return headDim * (ropes[0]?.partialRotaryFactor ?? 1);
}

/** Index of a layer's table among the workspace's `ropes`. */
export function ropeIndex({ ropes }: ModelConfig, rope: number | null): number {
  return rope ?? ropes.length;
}

/** Whether a layer has a norm behind attention or MLP. */
export function hasPostNorms({ layers }: ModelConfig): boolean {
  return layers.some(
    ({ attention, mlp }) => attention.postNorm ?? mlp.postNorm,
  );
}

/** Values of a row of the joined projection. */
export function qkvColumns({
  numAttentionHeads: heads,
  numKeyValueHeads: kvHeads,
  headDim,
}: ModelConfig): number {
  return (heads + 2 * kvHeads) * headDim;
}

/**
 * How many workgroups should share a page table of `pages` entries in a turn of `rows` rows: as many as keep the
 * adapter busy. It depends on the turn's rows, not on a slice's, so that slicing does not change any bit of the
 * result.
 */
export function splitsFor(
  { numAttentionHeads: heads, numKeyValueHeads: kvHeads }: ModelConfig,
  { busyWorkgroups }: Tuning,
  rows: number,
  pages: number,
): number {
  const tiles = Math.ceil((rows * heads) / kvHeads / TILE_QUERIES);
  const wanted = Math.ceil(busyWorkgroups / (tiles * kvHeads));
  const most = Math.min(MOST_SPLITS, Math.ceil(pages / SPLIT_PAGES));
  return Math.max(1, Math.min(wanted, most));
}
