/**
 * The parts that all decoders share around attention: an embedding, an MLP in each layer, one RoPE, a last norm,
 * a head.
 */
import {
  type decoderFields,
  expectFloats,
  type FieldsOf,
  readSizes,
} from "./config-fields";
import type { AttentionRecipe, MlpRecipe, Recipe } from "./recipe";
import { readRope, type ropeFields } from "./rope-fields";
import { projection, rmsNorm, weightOf } from "./tensors";
import type { Windows } from "./window-fields";

/** What an architecture needs to know of a layer to write its recipe. */
export interface LayerPlace {
  /** Prefix of its tensors' names: model.layers.0 */
  at: string;
  /** Outputs of q_proj, and of k_proj and v_proj each. */
  queries: number;
  keys: number;
  headDim: number;
  hiddenSize: number;
  window: number | null;
  eps: number;
}

/**
 * @param attention writes the attention part of one layer
 * @throws ModelFormatError for sizes that do not fit together, quantised weights, and RoPE that no recipe can
 *   express
 */
export function decoderRecipe(
  architecture: string,
  fields: FieldsOf<typeof decoderFields & typeof ropeFields>,
  { byLayer, stillTokens }: Windows,
  attention: (place: LayerPlace) => AttentionRecipe,
): Omit<Recipe, "kvIdentity"> {
  expectFloats(fields);
  const sizes = readSizes(fields);
  const { hiddenSize, headDim, vocabSize } = sizes;
  const eps = fields.rms_norm_eps;
  const table = [vocabSize, hiddenSize];
  return {
    architecture,
    ...sizes,
    maxPositionEmbeddings: Math.min(
      fields.max_position_embeddings,
      stillTokens,
    ),
    embedding: { weight: weightOf("model.embed_tokens", table), scale: 1 },
    ropes: [readRope(fields, headDim)],
    layers: byLayer.map((window, l) => {
      const at = `model.layers.${l}`;
      const queries = sizes.numAttentionHeads * headDim;
      const keys = sizes.numKeyValueHeads * headDim;
      const place = { at, queries, keys, headDim, hiddenSize, window, eps };
      return {
        attention: attention(place),
        mlp: gatedMlp(at, fields),
        residualScale: 1,
      };
    }),
    norm: rmsNorm("model.norm", hiddenSize, eps),
    head: {
      weight: fields.tie_word_embeddings ? null : weightOf("lm_head", table),
      scale: 1,
    },
  };
}

function gatedMlp(
  at: string,
  fields: FieldsOf<typeof decoderFields>,
): MlpRecipe {
  const { hidden_size: hidden, intermediate_size: intermediate } = fields;
  const hasBias = fields.mlp_bias;
  return {
    norm: rmsNorm(
      `${at}.post_attention_layernorm`,
      hidden,
      fields.rms_norm_eps,
    ),
    gateUp: projection(
      {
        [`${at}.mlp.gate_proj`]: intermediate,
        [`${at}.mlp.up_proj`]: intermediate,
      },
      hidden,
      { hasBias },
    ),
    activation: fields.hidden_act,
    down: projection({ [`${at}.mlp.down_proj`]: hidden }, intermediate, {
      hasBias,
    }),
    postNorm: null,
  };
}
