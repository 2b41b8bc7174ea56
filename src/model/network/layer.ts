/** One decoder layer's dispatches, recorded once against its weights, its pages and the workspace. */
import type { Pass } from "../../gpu/gpu";
import type { Dispatch } from "../../gpu/kernel";
import type { AttentionRecipe, Norm } from "../architectures/recipe";
import type { LayerPages } from "../../memory/kv-cache";
import type { ComputableLayer, ModelConfig } from "../config/computable";
import type { KernelSet } from "./kernel-set";
import { type Linear, recordLinear } from "./linear";
import { strideOf } from "../weights/matrix-format";
import type { LayerWeights } from "../weights/weights";
import { qkvColumns, ropeIndex, type Workspace } from "./workspace";

/** What all layers share. */
export interface LayerContext {
  config: ModelConfig;
  kernels: KernelSet;
  workspace: Workspace;
}

/** The buffers of a layer's keys and values. */
export interface LayerKeys {
  pages: LayerPages;
  /** The page table of the layer's half, or of the local layers there. */
  table: GPUBuffer;
  /** 0: lower, 1: upper; 2 more where local layers have pages of their own. */
  half: number;
}

export interface AttentionShape {
  rows: number;
  group: number;
  kvHeads: number;
  splits: number;
}

/** The epilogue that combines gate and up, by activation. */
const GATED = {
  silu: "gatedSilu",
  gelu_pytorch_tanh: "gatedGelu",
} as const satisfies Record<
  ComputableLayer["mlp"]["activation"],
  Linear["epilogue"]
>;

/** More positions than any context has: the window of a layer that has none. */
const NO_WINDOW = 2 ** 31 - 1;

/**
 * In the order of the forward pass; seven dispatches, whichever attention is used, and one more for each norm
 * behind attention or MLP.
 */
export interface LayerDispatches {
  qkv: (pass: Pass, rows: number) => void;
  append: (pass: Pass, rows: number) => void;
  attentionOfOne: Dispatch<AttentionShape>;
  attention: Dispatch<AttentionShape>;
  join: Dispatch<{ rows: number; heads: number }>;
  output: (pass: Pass, rows: number) => void;
  gateUp: (pass: Pass, rows: number) => void;
  down: (pass: Pass, rows: number) => void;
}

export function recordLayer(
  context: LayerContext,
  { attention, mlp, residualScale }: ComputableLayer,
  weights: LayerWeights,
  keys: LayerKeys,
): LayerDispatches {
  const { config, kernels, workspace } = context;
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads } = config;
  const { qkNorm } = attention;
  const { residual, qkv, attended, activated, partials } = workspace;
  const rope = workspace.ropes[ropeIndex(config, attention.rope)]!;
  const step = workspace.step.buffer;
  const qkvStride = strideOf(qkvColumns(config));
  const linear = (one: Linear) => recordLinear(kernels, step, one);
  const attend = (kernel: KernelSet["attention"]) =>
    recordAttention(context, attention, kernel, keys);
  const addToResidual = (
    one: Pick<Linear, "x" | "weight" | "bias">,
    postNorm: Norm | null,
    normWeight: GPUBuffer | undefined,
  ) =>
    recordResidual(context, one, {
      scale: residualScale,
      ...(postNorm && { norm: { weight: normWeight!, eps: postNorm.eps } }),
    });

  const ropeAppend = kernels.ropeAppend.record(
    {
      step,
      rope,
      q_norm: weights.qNorm ?? rope, // not looked at without norms
      k_norm: weights.kNorm ?? rope,
      qkv,
      k_pages: keys.pages.k,
      v_pages: keys.pages.v,
    },
    {
      heads,
      kv_heads: kvHeads,
      first_head: qkNorm ? 0 : heads,
      qkv_stride: qkvStride,
      normalizes: Number(qkNorm !== null),
      eps: qkNorm?.eps ?? 0,
      half: keys.half,
    },
  );
  // Attention rotates queries itself: without norms they need no work here.
  const appendedHeads = kvHeads + (qkNorm ? heads : 0);

  return {
    qkv: linear({
      x: residual,
      norm: { weight: weights.inputNorm, eps: attention.norm.eps },
      weight: weights.qkv,
      bias: weights.qkvBias,
      y: qkv,
      yStride: qkvStride,
    }),
    append: (pass, rows) => ropeAppend(pass, { rows, heads: appendedHeads }),
    attentionOfOne: attend(kernels.attentionOfOne),
    attention: attend(kernels.attention),
    join: kernels.attentionJoin.record(
      { step, partials, out: attended },
      {
        half: keys.half,
        heads,
        out_stride: strideOf(heads * config.headDim) / 4,
      },
    ),
    output: addToResidual(
      { x: attended, weight: weights.oProj, bias: weights.oBias },
      attention.postNorm,
      weights.attentionPostNorm,
    ),
    gateUp: linear({
      x: residual,
      norm: { weight: weights.mlpNorm, eps: mlp.norm.eps },
      weight: weights.gateUp,
      y: activated,
      yStride: strideOf(config.intermediateSize),
      epilogue: GATED[mlp.activation],
    }),
    down: addToResidual(
      { x: activated, weight: weights.downProj },
      mlp.postNorm,
      weights.mlpPostNorm,
    ),
  };
}

/** residual += norm(x · weightᵀ + bias) · scale: one dispatch, or two with a norm. */
function recordResidual(
  { config, kernels, workspace }: LayerContext,
  linear: Pick<Linear, "x" | "weight" | "bias">,
  { scale, norm }: { scale: number; norm?: { weight: GPUBuffer; eps: number } },
): (pass: Pass, rows: number) => void {
  const { residual, projected } = workspace;
  const step = workspace.step.buffer;
  const { hiddenSize: columns } = config;
  const yStride = strideOf(columns);
  if (!norm)
    return recordLinear(kernels, step, {
      ...linear,
      y: residual,
      yStride,
      epilogue: "add",
      scale,
    });
  const project = recordLinear(kernels, step, {
    ...linear,
    y: projected!,
    yStride,
  });
  const add = kernels.normAdd.record(
    { step, x: projected!, weight: norm.weight, residual },
    { chunks: yStride / 8, columns, eps: norm.eps, scale },
  );
  return (pass, rows) => {
    project(pass, rows);
    add(pass, { rows });
  };
}

/** @param mass receives the softmax sums of every tile of keys, for page-mass.wgsl */
export function recordAttention(
  { config, workspace }: LayerContext,
  { rope, scale, window }: AttentionRecipe,
  kernel: KernelSet["attention"],
  { pages, table, half }: LayerKeys,
  mass?: GPUBuffer,
): Dispatch<AttentionShape> {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads } = config;
  return kernel.record(
    {
      step: workspace.step.buffer,
      pages: table,
      rope: workspace.ropes[ropeIndex(config, rope)]!,
      qkv: workspace.qkv,
      k_pages: pages.k,
      v_pages: pages.v,
      partials: workspace.partials,
      mass: mass ?? workspace.sampled, // not looked at without emits_mass
    },
    {
      half,
      heads,
      kv_heads: kvHeads,
      group: heads / kvHeads,
      qkv_stride: strideOf(qkvColumns(config)) / 4,
      scale,
      emits_mass: Number(mass !== undefined),
      window: window ?? NO_WINDOW,
    },
  );
}
