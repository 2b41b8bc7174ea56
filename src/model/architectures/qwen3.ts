/** Qwen3: each head of q and k passes a norm before RoPE. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, decoderFields } from "./config-fields";
import { decoderRecipe, type LayerPlace } from "./decoder-recipe";
import { decoderConfig, decoderTensors, ROPE_FACTORS } from "./gguf-decoder";
import { firstKvIdentity } from "./kv-identity";
import type { AttentionRecipe } from "./recipe";
import { ropeFields } from "./rope-fields";
import { projection, rmsNorm, weightOf } from "./tensors";
import { readWindows, windowFields } from "./window-fields";

const qwen3Fields = v.object({
  ...decoderFields,
  ...ropeFields,
  ...windowFields,
  /** In all four projections of attention. */
  attention_bias: v.nullish(v.boolean(), false),
});

export const qwen3: Architecture = {
  name: "Qwen3ForCausalLM",

  recipe(config) {
    const fields = checked(qwen3Fields, config, CONFIG_FILE);
    const windows = readWindows(fields);
    const recipe = decoderRecipe(qwen3.name, fields, windows, (place) =>
      attention(place, fields.attention_bias),
    );
    return { ...recipe, kvIdentity: firstKvIdentity(recipe) };
  },

  gguf: {
    name: "qwen3",
    tensorNames: new Map([
      ...decoderTensors,
      ["self_attn.q_norm", "attn_q_norm"],
      ["self_attn.k_norm", "attn_k_norm"],
    ]),
    pairedTensors: new Set(),
    configVectors: [ROPE_FACTORS],
    config: (file) => ({
      ...decoderConfig(file),
      attention_bias: file.shapeOf("blk.0.attn_q.bias") !== undefined,
    }),
  },
};

function attention(
  { at, queries, keys, headDim, hiddenSize, window, eps }: LayerPlace,
  hasBias: boolean,
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
    qkNorm: {
      q: weightOf(`${at}.self_attn.q_norm`, [headDim]),
      k: weightOf(`${at}.self_attn.k_norm`, [headDim]),
      eps,
      offset: 0,
    },
    rope: 0,
    scale: 1 / Math.sqrt(headDim),
    window,
    output: projection({ [`${at}.self_attn.o_proj`]: hiddenSize }, queries, {
      hasBias,
    }),
    postNorm: null,
  };
}
