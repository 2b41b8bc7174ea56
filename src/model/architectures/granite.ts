/** Granite 3 and 4, dense: Llama with four factors. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, real } from "./config-fields";
import { decoderAttention, decoderRecipe, gatedMlp } from "./decoder-recipe";
import { decimal } from "./gguf-decoder";
import { kvIdentity } from "./kv-identity";
import { llama, llamaFields } from "./llama";
import { readRope } from "./rope-fields";
import { readWindows } from "./window-fields";

const factor = v.nullish(real(1e-6, 1e6));

const graniteFields = v.object({
  ...llamaFields.entries,
  embedding_multiplier: factor,
  residual_multiplier: factor,
  /** In place of 1 / √head_dim. */
  attention_multiplier: factor,
  /** Logits are divided by it. */
  logits_scaling: factor,
});

export const granite: Architecture = {
  name: "GraniteForCausalLM",

  recipe(config) {
    const fields = checked(graniteFields, config, CONFIG_FILE);
    const windows = readWindows(fields);
    const hasBias = fields.attention_bias;
    const recipe = decoderRecipe({
      architecture: granite.name,
      fields,
      ropes: [readRope(fields)],
      embeddingScale: fields.embedding_multiplier ?? 1,
      logitScale: 1 / (fields.logits_scaling ?? 1),
      layer: (place) => ({
        attention: decoderAttention(place, {
          hasBias,
          hasOutputBias: hasBias,
          scale: fields.attention_multiplier ?? 1,
          window: windows[place.index]!,
        }),
        mlp: gatedMlp(place, fields),
        residualScale: fields.residual_multiplier ?? 1,
      }),
    });
    return { ...recipe, kvIdentity: kvIdentity(recipe) };
  },

  gguf: {
    ...llama.gguf,
    name: "granite",
    config: (file) => {
      const factor = (key: string) => {
        const value = file.number(key);
        return value === undefined || value === 0 ? undefined : decimal(value);
      };
      return {
        ...llama.gguf.config(file),
        embedding_multiplier: factor("embedding_scale"),
        residual_multiplier: factor("residual_scale"),
        attention_multiplier: factor("attention.scale"),
        logits_scaling: factor("logit_scale"),
      };
    },
  },
};
