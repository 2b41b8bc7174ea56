/** Llama, and other models published under its name, such as SmolLM2. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, decoderFields } from "./config-fields";
import { decoderRecipe, type LayerPlace } from "./decoder-recipe";
import { decoderConfig, decoderTensors, ROPE_FACTORS } from "./gguf-decoder";
import { firstKvIdentity } from "./kv-identity";
import type { AttentionRecipe } from "./recipe";
import { ropeFields } from "./rope-fields";
import { projection, rmsNorm } from "./tensors";
import { readWindows, windowFields } from "./window-fields";

export const llamaFields = v.object({
  ...decoderFields,
  ...ropeFields,
  ...windowFields,
  /** In all four projections of attention. */
  attention_bias: v.nullish(v.boolean(), false),
});

export const llama: Architecture = {
  name: "LlamaForCausalLM",

  recipe(config) {
    const fields = checked(llamaFields, config, CONFIG_FILE);
    const windows = readWindows(fields);
    const recipe = decoderRecipe(llama.name, fields, windows, (place) =>
      llamaAttention(place, fields.attention_bias),
    );
    return { ...recipe, kvIdentity: firstKvIdentity(recipe) };
  },

  gguf: {
    name: "llama",
    tensorNames: new Map(decoderTensors),
    pairedTensors: new Set(["self_attn.q_proj", "self_attn.k_proj"]),
    configVectors: [ROPE_FACTORS],
    config: (file) => ({
      ...decoderConfig(file),
      attention_bias: file.shapeOf("blk.0.attn_q.bias") !== undefined,
    }),
  },
};

export function llamaAttention(
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
    qkNorm: null,
    rope: 0,
    scale: 1 / Math.sqrt(headDim),
    window,
    output: projection({ [`${at}.self_attn.o_proj`]: hiddenSize }, queries, {
      hasBias,
    }),
    postNorm: null,
  };
}
