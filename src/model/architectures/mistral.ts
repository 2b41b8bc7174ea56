/** Mistral: Llama's layers, each with a window if the configuration names one. */
import { checked } from "../files/check-json";
import type { Architecture } from "./architecture";
import { CONFIG_FILE } from "./config-fields";
import { llama, llamaFields, llamaRecipe } from "./llama";
import { readWindows } from "./window-fields";

export const mistral: Architecture = {
  name: "MistralForCausalLM",

  recipe(config) {
    const fields = checked(llamaFields, config, CONFIG_FILE);
    // A window that is named is used.
    return llamaRecipe(mistral.name, fields, readWindows(fields, true));
  },

  // GGUF calls both llama.
  gguf: llama.gguf,
};
