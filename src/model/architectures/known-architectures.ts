/** The architectures that the runtime knows: a new one is a file beside these, and an entry here. */
import type { Architecture } from "./architecture";
import { gemma3 } from "./gemma3";
import { granite } from "./granite";
import { llama } from "./llama";
import { mistral } from "./mistral";
import { phi3 } from "./phi3";
import { qwen2 } from "./qwen2";
import { qwen3 } from "./qwen3";
import { smollm3 } from "./smollm3";

/** If several share a name in GGUF, the first is the default for that name. */
export const ARCHITECTURES: readonly Architecture[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma3,
  smollm3,
  phi3,
  granite,
];
