/** Mistral: Llama's layers, each with a window if the configuration names one. */
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE } from "./config-fields";
import { decoderRecipe } from "./decoder-recipe";
import { firstKvIdentity } from "./kv-identity";
import { llama, llamaAttention, llamaFields } from "./llama";
import { readWindows } from "./window-fields";

export const mistral: Architecture = {
  name: "MistralForCausalLM",

  recipe(config) {
    const fields = checked(llamaFields, config, CONFIG_FILE);
    // A window that is named is used.
    const windows = readWindows(fields, true);
    const recipe = decoderRecipe(mistral.name, fields, windows, (place) =>
      llamaAttention(place, fields.attention_bias),
    );
    return { ...recipe, kvIdentity: firstKvIdentity(recipe) };
  },

  // GGUF calls both llama.
  gguf: llama.gguf,
};
