/** The architectures that the runtime knows: a new one is a file beside these, and an entry here. */
import type { Architecture } from "./architecture";
import { llama } from "./llama";
import { mistral } from "./mistral";
import { qwen2 } from "./qwen2";
import { qwen3 } from "./qwen3";

/** Where several have one name in GGUF, the first is what such a file is by itself. */
export const ARCHITECTURES: readonly Architecture[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
];
