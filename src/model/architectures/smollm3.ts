/** SmolLM3: Llama with no RoPE in every fourth layer. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, MOST } from "./config-fields";
import { decoderAttention, decoderRecipe, gatedMlp } from "./decoder-recipe";
import { kvIdentity } from "./kv-identity";
import { llama, llamaFields } from "./llama";
import { readRope } from "./rope-fields";
import { readWindows } from "./window-fields";

const flag = v.picklist([0, 1]);

const smollm3Fields = v.object({
  ...llamaFields.entries,
  /** One for each layer: 1 for a layer with RoPE, whatever the name says. */
  no_rope_layers: v.nullish(v.pipe(v.array(flag), v.maxLength(MOST.layers))),
  /** Without that list: every so many layers, the last has no RoPE. */
  no_rope_layer_interval: v.nullish(v.pipe(v.number(), v.integer()), 4),
});

export const smollm3: Architecture = {
  name: "SmolLM3ForCausalLM",

  recipe(config) {
    const fields = checked(smollm3Fields, config, CONFIG_FILE);
    const windows = readWindows(fields);
    const hasBias = fields.attention_bias;
    const hasRope = (layer: number) =>
      (fields.no_rope_layers?.[layer] ??
        (layer + 1) % fields.no_rope_layer_interval) !== 0;
    const recipe = decoderRecipe({
      architecture: smollm3.name,
      fields,
      ropes: [readRope(fields)],
      layer: (place) => ({
        attention: decoderAttention(place, {
          hasBias,
          hasOutputBias: hasBias,
          rope: hasRope(place.index) ? 0 : null,
          window: windows[place.index]!,
        }),
        mlp: gatedMlp(place, fields),
        residualScale: 1,
      }),
    });
    return { ...recipe, kvIdentity: kvIdentity(recipe) };
  },

  gguf: { ...llama.gguf, name: "smollm3" },
};
