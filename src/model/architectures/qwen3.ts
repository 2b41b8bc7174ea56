/** Qwen3: each head of q and k passes a norm before RoPE. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, decoderFields } from "./config-fields";
import {
  decoderAttention,
  decoderRecipe,
  gatedMlp,
  headNorms,
} from "./decoder-recipe";
import { decoderConfig, decoderTensors, ROPE_FACTORS } from "./gguf-decoder";
import { firstKvIdentity } from "./kv-identity";
import { readRope, ropeFields } from "./rope-fields";
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
    const recipe = decoderRecipe({
      architecture: qwen3.name,
      fields,
      ropes: [readRope(fields)],
      layer: (place) => ({
        attention: decoderAttention(place, {
          hasBias: fields.attention_bias,
          hasOutputBias: fields.attention_bias,
          qkNorm: headNorms(place),
          window: windows[place.index]!,
        }),
        mlp: gatedMlp(place, fields),
        residualScale: 1,
      }),
    });
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
