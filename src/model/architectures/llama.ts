/** Llama, and other models published under its name, such as SmolLM2. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, decoderFields, type FieldsOf } from "./config-fields";
import { decoderAttention, decoderRecipe, gatedMlp } from "./decoder-recipe";
import { decoderConfig, decoderTensors, ROPE_FACTORS } from "./gguf-decoder";
import { firstKvIdentity } from "./kv-identity";
import type { Recipe } from "./recipe";
import { readRope, ropeFields } from "./rope-fields";
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
    return llamaRecipe(llama.name, fields, readWindows(fields));
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

/** Of Llama and what differs from it in its windows alone. */
export function llamaRecipe(
  architecture: string,
  fields: FieldsOf<typeof llamaFields.entries>,
  windows: readonly (number | null)[],
): Recipe {
  const hasBias = fields.attention_bias;
  const recipe = decoderRecipe({
    architecture,
    fields,
    ropes: [readRope(fields)],
    layer: (place) => ({
      attention: decoderAttention(place, {
        hasBias,
        hasOutputBias: hasBias,
        window: windows[place.index]!,
      }),
      mlp: gatedMlp(place, fields),
      residualScale: 1,
    }),
  });
  return { ...recipe, kvIdentity: firstKvIdentity(recipe) };
}
