/**
 * Chat models whose architecture the runtime knows, the smallest first, each with what was checked. Sizes are rounded: parameters times bits of the named file, with
 * tables that the file stores twice counted twice.
 */
import { deviceName } from "../../../model/hub/device-name";
import { hubName } from "../../../model/hub/hub-name";

export interface KnownModel {
  /** As `load` takes it: its name on the hub, or an address relative to the page. */
  id: string;
  name: string;
  /** What it is good for, in one plain sentence. */
  goodFor: string;
  parameterCount: number;
  /** Approximate; 0 for the bundled model. */
  downloadBytes: number;
  /** Approximate, on the GPU. */
  weightBytes: number;
  /** Keys and values of all layers in 16 bits. */
  kvBytesPerToken: number;
  /** Its SPDX name, or its own. */
  licence: string;
  /** Tokens of context it was made for. */
  contextTokens: number;
  checked: Check;
}

/**
 * How far a model was checked: its own weights against an exact forward pass (`npm run accept`), or made-up weights
 * of its architecture against llama.cpp.
 */
export type Check = "its weights" | "its architecture";

/** Tokens of history included in memory figures. */
export const HISTORY_TOKENS = 4096;

/** Approximate GPU memory besides weights and history. */
const WORKSPACE_BYTES = 100e6;

/** The bundled model. */
export const EMBEDDED_ID = "models/rondo-tiny/";

export const KNOWN_MODELS: readonly KnownModel[] = [
  {
    id: EMBEDDED_ID,
    name: "rondo-tiny",
    goodFor: "Shows how Rondo remembers; knows next to nothing of the world.",
    parameterCount: 3.4e6,
    downloadBytes: 0,
    weightBytes: 7e6,
    kvBytesPerToken: kvBytes({ layers: 8, kvHeads: 2, headDim: 32 }),
    licence: "MIT",
    contextTokens: 2048,
    checked: "its weights",
  },
  {
    ...quantised(
      "bartowski/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct-Q8_0.gguf",
      145e6,
    ),
    name: "SmolLM2 135M",
    goodFor: "Simple English on phones and old computers; often wrong.",
    parameterCount: 135e6,
    kvBytesPerToken: kvBytes({ layers: 30, kvHeads: 3, headDim: 64 }),
    licence: "Apache-2.0",
    contextTokens: 8192,
    checked: "its weights",
  },
  {
    ...quantised(
      "unsloth/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf",
      292e6,
    ),
    name: "Gemma 3 270M",
    goodFor: "Short, simple tasks in many languages, in little memory.",
    parameterCount: 268e6,
    kvBytesPerToken: kvBytes({ layers: 18, kvHeads: 1, headDim: 256 }),
    licence: "Gemma Terms of Use",
    contextTokens: 32768,
    checked: "its architecture",
  },
  {
    ...quantised(
      "bartowski/SmolLM2-360M-Instruct-GGUF/SmolLM2-360M-Instruct-Q8_0.gguf",
      386e6,
    ),
    name: "SmolLM2 360M",
    goodFor: "Short answers and rewriting in English.",
    parameterCount: 362e6,
    kvBytesPerToken: kvBytes({ layers: 32, kvHeads: 5, headDim: 64 }),
    licence: "Apache-2.0",
    contextTokens: 8192,
    checked: "its architecture",
  },
  {
    ...quantised(
      "Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_0.gguf",
      429e6,
    ),
    name: "Qwen2.5 0.5B",
    goodFor: "Many languages and long chats in little memory.",
    parameterCount: 494e6,
    kvBytesPerToken: kvBytes({ layers: 24, kvHeads: 2, headDim: 64 }),
    licence: "Apache-2.0",
    contextTokens: 32768,
    checked: "its architecture",
  },
  {
    ...quantised("Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf", 639e6),
    name: "Qwen3 0.6B",
    goodFor: "Thinks before it answers; many languages.",
    parameterCount: 596e6,
    kvBytesPerToken: kvBytes({ layers: 28, kvHeads: 8, headDim: 128 }),
    licence: "Apache-2.0",
    contextTokens: 40960,
    checked: "its architecture",
  },
  {
    ...quantised(
      "bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_0.gguf",
      773e6,
    ),
    name: "Llama 3.2 1B",
    goodFor: "Everyday questions, summaries and long chats.",
    parameterCount: 1.24e9,
    kvBytesPerToken: kvBytes({ layers: 16, kvHeads: 8, headDim: 64 }),
    licence: "Llama 3.2 Community License",
    contextTokens: 131072,
    checked: "its architecture",
  },
  {
    ...quantised(
      "ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q4_K_M.gguf",
      806e6,
    ),
    name: "Gemma 3 1B",
    goodFor:
      "Everyday questions in many languages; its history takes little memory.",
    parameterCount: 1.0e9,
    kvBytesPerToken: kvBytes({ layers: 26, kvHeads: 1, headDim: 256 }),
    licence: "Gemma Terms of Use",
    contextTokens: 32768,
    checked: "its architecture",
  },
  {
    ...quantised(
      "bartowski/SmolLM2-1.7B-Instruct-GGUF/SmolLM2-1.7B-Instruct-Q4_0.gguf",
      994e6,
    ),
    name: "SmolLM2 1.7B",
    goodFor: "Good English in short chats; its history takes much memory.",
    parameterCount: 1.71e9,
    kvBytesPerToken: kvBytes({ layers: 24, kvHeads: 32, headDim: 64 }),
    licence: "Apache-2.0",
    contextTokens: 8192,
    checked: "its architecture",
  },
  {
    ...quantised(
      "Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_0.gguf",
      1070e6,
    ),
    name: "Qwen2.5 1.5B",
    goodFor: "Everyday questions in many languages, and some code.",
    parameterCount: 1.54e9,
    kvBytesPerToken: kvBytes({ layers: 28, kvHeads: 2, headDim: 128 }),
    licence: "Apache-2.0",
    contextTokens: 32768,
    checked: "its architecture",
  },
  {
    ...quantised(
      "ibm-granite/granite-3.3-2b-instruct-GGUF/granite-3.3-2b-instruct-Q4_K_M.gguf",
      1550e6,
    ),
    name: "Granite 3.3 2B",
    goodFor: "Work on documents, summaries and code.",
    parameterCount: 2.53e9,
    kvBytesPerToken: kvBytes({ layers: 40, kvHeads: 8, headDim: 64 }),
    licence: "Apache-2.0",
    contextTokens: 131072,
    checked: "its architecture",
  },
  {
    ...quantised("Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q8_0.gguf", 1830e6),
    name: "Qwen3 1.7B",
    goodFor: "Thinks before it answers; sums, code and many languages.",
    parameterCount: 1.72e9,
    kvBytesPerToken: kvBytes({ layers: 28, kvHeads: 8, headDim: 128 }),
    licence: "Apache-2.0",
    contextTokens: 40960,
    checked: "its architecture",
  },
  {
    ...quantised(
      "bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_0.gguf",
      1920e6,
    ),
    name: "Llama 3.2 3B",
    goodFor: "The best answers of this list, on a good GPU.",
    parameterCount: 3.21e9,
    kvBytesPerToken: kvBytes({ layers: 28, kvHeads: 8, headDim: 128 }),
    licence: "Llama 3.2 Community License",
    contextTokens: 131072,
    checked: "its architecture",
  },
  {
    ...quantised("ggml-org/SmolLM3-3B-GGUF/SmolLM3-Q4_K_M.gguf", 1920e6),
    name: "SmolLM3 3B",
    goodFor: "Thinks before it answers; six European languages.",
    parameterCount: 3.08e9,
    kvBytesPerToken: kvBytes({ layers: 36, kvHeads: 4, headDim: 128 }),
    licence: "Apache-2.0",
    contextTokens: 65536,
    checked: "its architecture",
  },
  {
    ...quantised(
      "unsloth/Phi-4-mini-instruct-GGUF/Phi-4-mini-instruct-Q4_K_M.gguf",
      2490e6,
    ),
    name: "Phi-4 mini",
    goodFor: "Sums, code and careful reasoning, on a good GPU.",
    parameterCount: 3.84e9,
    kvBytesPerToken: kvBytes({ layers: 32, kvHeads: 8, headDim: 128 }),
    licence: "MIT",
    contextTokens: 4096,
    checked: "its architecture",
  },
];

/** A short name for an unlisted id: the file, or else the repository. */
export function nameOfId(id: string): string {
  const known = KNOWN_MODELS.find((model) => model.id === id);
  if (known !== undefined) return known.name;
  const device = deviceName(id);
  if (device !== undefined) return device;
  const { file, repository } = hubName(id) ?? {};
  const path = file ?? repository ?? id;
  return path.replace(/\/+$/, "").split("/").at(-1) ?? id;
}

/** Approximate, with `HISTORY_TOKENS` of history, or the model's context. */
export function memoryBytes({
  contextTokens,
  kvBytesPerToken,
  weightBytes,
  workspaceBytes = WORKSPACE_BYTES,
}: {
  contextTokens: number;
  kvBytesPerToken: number;
  weightBytes: number;
  workspaceBytes?: number;
}): number {
  const tokens = Math.min(HISTORY_TOKENS, contextTokens);
  return weightBytes + workspaceBytes + tokens * kvBytesPerToken;
}

/** Quantised files keep their format on the GPU. */
function quantised(id: string, bytes: number) {
  return { id, downloadBytes: bytes, weightBytes: bytes };
}

function kvBytes(shape: {
  layers: number;
  kvHeads: number;
  headDim: number;
}): number {
  return 2 * shape.layers * shape.kvHeads * shape.headDim * 2;
}
