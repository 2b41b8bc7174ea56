/**
 * The parts that decoders share, with what each may do differently: an embedding, layers of attention and a gated
 * MLP, a last norm, a head.
 */
import {
  type decoderFields,
  expectFloats,
  type FieldsOf,
  readSizes,
} from "./config-fields";
import type {
  AttentionRecipe,
  HeadNorms,
  LayerRecipe,
  MlpRecipe,
  Norm,
  Recipe,
  Rope,
} from "./recipe";
import { projection, rmsNorm, weightOf } from "./tensors";

type DecoderFields = FieldsOf<typeof decoderFields>;

/** What an architecture needs to know of a layer to write its recipe. */
export interface LayerPlace {
  index: number;
  /** Prefix of its tensors' names: model.layers.0 */
  at: string;
  /** Outputs of q_proj, and of k_proj and v_proj each. */
  queries: number;
  keys: number;
  headDim: number;
  hiddenSize: number;
  intermediateSize: number;
  eps: number;
}

interface DecoderParts {
  architecture: string;
  fields: DecoderFields;
  ropes: readonly [Rope, ...Rope[]];
  layer: (place: LayerPlace) => LayerRecipe;
  /** Default: the fields'. */
  contextTokens?: number;
  /** 1 for norms whose weights in safetensors files are less by 1. Default 0. */
  normOffset?: Norm["offset"];
  /** Default 1. */
  embeddingScale?: number;
  /** Default 1. */
  logitScale?: number;
}

/** @throws ModelFormatError for sizes that do not fit together, and quantised weights */
export function decoderRecipe({
  architecture,
  fields,
  ropes,
  layer,
  contextTokens = fields.max_position_embeddings,
  normOffset = 0,
  embeddingScale = 1,
  logitScale = 1,
}: DecoderParts): Omit<Recipe, "kvIdentity"> {
  expectFloats(fields);
  const sizes = readSizes(fields);
  const { hiddenSize, intermediateSize, headDim, vocabSize } = sizes;
  const eps = fields.rms_norm_eps;
  const table = [vocabSize, hiddenSize];
  const queries = sizes.numAttentionHeads * headDim;
  const keys = sizes.numKeyValueHeads * headDim;
  return {
    architecture,
    ...sizes,
    maxPositionEmbeddings: contextTokens,
    embedding: {
      weight: weightOf("model.embed_tokens", table),
      scale: embeddingScale,
    },
    ropes,
    layers: Array.from({ length: sizes.numHiddenLayers }, (_, index) =>
      layer({
        index,
        at: `model.layers.${index}`,
        queries,
        keys,
        headDim,
        hiddenSize,
        intermediateSize,
        eps,
      }),
    ),
    norm: rmsNorm("model.norm", hiddenSize, eps, normOffset),
    head: {
      weight: fields.tie_word_embeddings ? null : weightOf("lm_head", table),
      scale: logitScale,
    },
  };
}

/** The parts of attention in which decoders differ. */
interface AttentionParts {
  /** Of q_proj, k_proj and v_proj. */
  hasBias: boolean;
  hasOutputBias: boolean;
  qkNorm?: HeadNorms;
  /** Default 0. */
  rope?: number | null;
  /** Default 1 / √head_dim. */
  scale?: number;
  window: number | null;
}

/** Attention with a projection each for queries, keys and values, behind a norm. */
export function decoderAttention(
  { at, queries, keys, headDim, hiddenSize, eps }: LayerPlace,
  {
    hasBias,
    hasOutputBias,
    qkNorm,
    rope = 0,
    scale = 1 / Math.sqrt(headDim),
    window,
  }: AttentionParts,
): AttentionRecipe {
  return {
    norm: rmsNorm(`${at}.input_layernorm`, hiddenSize, eps),
    qkv: projection(
      {
        [`${at}.self_attn.q_proj`]: queries,
        [`${at}.self_attn.k_proj`]: keys,
        [`${at}.self_attn.v_proj`]: keys,
      },
      hiddenSize,
      { hasBias },
    ),
    qkNorm: qkNorm ?? null,
    rope,
    scale,
    window,
    output: projection({ [`${at}.self_attn.o_proj`]: hiddenSize }, queries, {
      hasBias: hasOutputBias,
    }),
    postNorm: null,
  };
}

/** Norms of the heads of q and k. */
export function headNorms(
  { at, headDim, eps }: LayerPlace,
  offset: Norm["offset"] = 0,
): HeadNorms {
  return {
    q: weightOf(`${at}.self_attn.q_norm`, [headDim]),
    k: weightOf(`${at}.self_attn.k_norm`, [headDim]),
    eps,
    offset,
  };
}

/** An MLP with a projection each for gate and up, behind a norm. */
export function gatedMlp(
  { at, hiddenSize, intermediateSize, eps }: LayerPlace,
  fields: Pick<DecoderFields, "mlp_bias" | "hidden_act">,
): MlpRecipe {
  const hasBias = fields.mlp_bias;
  return {
    norm: rmsNorm(`${at}.post_attention_layernorm`, hiddenSize, eps),
    gateUp: projection(
      {
        [`${at}.mlp.gate_proj`]: intermediateSize,
        [`${at}.mlp.up_proj`]: intermediateSize,
      },
      hiddenSize,
      { hasBias },
    ),
    activation: fields.hidden_act,
    down: projection(
      { [`${at}.mlp.down_proj`]: hiddenSize },
      intermediateSize,
      { hasBias },
    ),
    postNorm: null,
  };
}
