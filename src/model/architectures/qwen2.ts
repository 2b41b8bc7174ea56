/** Qwen2 and Qwen2.5: q, k and v have biases. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE, decoderFields } from "./config-fields";
import { decoderAttention, decoderRecipe, gatedMlp } from "./decoder-recipe";
import { decoderConfig, decoderTensors, ROPE_FACTORS } from "./gguf-decoder";
import { firstKvIdentity } from "./kv-identity";
import { readRope, ropeFields } from "./rope-fields";
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
    const recipe = decoderRecipe({
      architecture: qwen2.name,
      fields,
      ropes: [readRope(fields)],
      layer: (place) => ({
        attention: decoderAttention(place, {
          hasBias: true,
          hasOutputBias: false,
          window: windows[place.index]!,
        }),
        mlp: gatedMlp(place, fields),
        residualScale: 1,
      }),
    });
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
