/** Qwen2 and Qwen2.5: q, k and v have biases. */
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

const qwen2Fields = v.object({
  ...decoderFields,
  ...ropeFields,
  ...windowFields,
});

export const qwen2: Architecture = {
  name: "Qwen2ForCausalLM",

  recipe(config) {
    const fields = checked(qwen2Fields, config, CONFIG_FILE);
    const windows = readWindows(fields);
    const recipe = decoderRecipe(qwen2.name, fields, windows, attention);
    return { ...recipe, kvIdentity: firstKvIdentity(recipe) };
  },

  gguf: {
    name: "qwen2",
    tensorNames: new Map(decoderTensors),
    pairedTensors: new Set(),
    configVectors: [ROPE_FACTORS],
    config: decoderConfig,
  },
};

function attention({
  at,
  queries,
  keys,
  headDim,
  hiddenSize,
  window,
  eps,
}: LayerPlace): AttentionRecipe {
  return {
    norm: rmsNorm(`${at}.input_layernorm`, hiddenSize, eps),
    qkv: projection(
      {
        [`${at}.self_attn.q_proj`]: queries,
        [`${at}.self_attn.k_proj`]: keys,
        [`${at}.self_attn.v_proj`]: keys,
      },
      hiddenSize,
      { hasBias: true },
    ),
    qkNorm: null,
    rope: 0,
    scale: 1 / Math.sqrt(headDim),
    window,
    output: projection({ [`${at}.self_attn.o_proj`]: hiddenSize }, queries, {
      hasBias: false,
    }),
    postNorm: null,
  };
}
