import type { MemoryClass } from "../gpu/ledger";

export type { MemoryClass };

/**
 * The engine's face: a chat from text to text. The same interface stands on both sides of the
 * worker: `Engine` (engine.ts) computes, `RemoteEngine` (remote.ts) forwards to it.
 */
export interface ChatEngine {
  /**
   * Loads the model in the folder at `url` (config.json, tokenizer.json, tokenizer_config.json,
   * model.safetensors or its index); a model loaded before is released.
   *
   * @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError; the signal's reason
   */
  load(url: string, options?: LoadOptions): Promise<ModelInfo>;

  /** Starts an empty chat and returns its id. */
  createChat(options?: ChatOptions): Promise<string>;

  /** Forgets a chat and frees its pages. */
  deleteChat(chatId: string): Promise<void>;

  /**
   * Sends `message` and streams the reply. The last event is always `end`. Aborting ends the reply
   * between two tokens; what was said until then stays in the chat (finish reason `aborted`).
   * Leaving the loop early does the same.
   *
   * @throws ContextFullError, DeviceLostError
   */
  chat(
    chatId: string,
    message: string,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /** What is where, in bytes and pages, now. */
  memory(): Promise<MemorySnapshot>;

  /** Releases the model, the device and the worker. */
  close(): Promise<void>;
}

export interface LoadOptions {
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

export interface LoadProgress {
  phase: "adapter" | "tokenizer" | "weights" | "kernels";
  /** Bytes of weights on the GPU so far, of `totalBytes`. */
  loadedBytes: number;
  /** 0 until known. */
  totalBytes: number;
}

export interface ModelInfo {
  /** The folder's name. */
  name: string;
  /** As in config.json, for example "LlamaForCausalLM". */
  architecture: string;
  parameterCount: number;
  layerCount: number;
  /** Tokens of context the model was made for. */
  contextTokens: number;
  weightBytes: number;
  kvBytesPerToken: number;
  device: DeviceInfo;
}

export interface DeviceInfo {
  vendor: string;
  architecture: string;
  description: string;
  /** Whether a CPU stands in for the GPU. */
  isSoftware: boolean;
}

export interface ChatOptions {
  /** The system prompt; without it the model's template decides. */
  system?: string;
}

/** How the next token is drawn. Defaults: generation_config.json's, else as noted. */
export interface SamplerSettings {
  /** 0 is greedy. Default 0.7. */
  temperature: number;
  /** Keep the k likeliest tokens; 0 keeps all. Default 0. */
  topK: number;
  /** Keep the smallest set of tokens with at least this probability; 1 keeps all. Default 0.9. */
  topP: number;
  /** Keep tokens at least this share as likely as the likeliest; 0 keeps all. Default 0. */
  minP: number;
  /** Divides positive and multiplies negative logits of tokens already in the chat; 1 is off. Default 1. */
  repetitionPenalty: number;
  /** Same seed, same text. Default: drawn anew for each reply. */
  seed: number;
}

export interface ReplyOptions {
  sampler?: Partial<SamplerSettings>;
  /** Default 1024; never more than the context has room for. */
  maxTokens?: number;
  signal?: AbortSignal;
}

export type ReplyEvent =
  | { type: "prefill"; doneTokens: number; totalTokens: number }
  | { type: "text"; text: string }
  | { type: "end"; receipt: Receipt };

/** What a turn did and what it cost. */
export interface Receipt {
  /** `stop`: the model ended; `length`: maxTokens or the context; `aborted`: the caller. */
  finishReason: "stop" | "length" | "aborted";
  /** Tokens of context whose KV was already there. */
  cachedTokens: number;
  /** Tokens computed before the first token of the reply. */
  prefilledTokens: number;
  replyTokens: number;
  timeToFirstTokenMs: number;
  /** Of the reply, first token excluded; 0 for replies of one token. */
  decodeTokensPerSecond: number;
  seed: number;
}

/** Bytes on the GPU by what they are for, and pages by half. */
export interface MemorySnapshot {
  bytes: Record<MemoryClass, number>;
  peakBytes: number;
  lower: PoolSnapshot;
  upper: PoolSnapshot;
}

export interface PoolSnapshot {
  pageCount: number;
  freePages: number;
  bytesPerPage: number;
}
