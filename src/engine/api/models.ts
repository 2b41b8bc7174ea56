/** Models: their sources, what loading one takes, and facts about a loaded one. */
import type { ServerSource } from "./server-source";

/** Loads models and stores their files. */
export interface ModelLoader {
  /**
   * Loads a model and releases the one before. Files from the hub are stored on this device, checked, and never
   * fetched twice: a download that was interrupted continues where it stopped. While they are downloaded, the model
   * before answers; loading another one ends the download. A model on a server needs no GPU and no options.
   *
   * @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError, StoreError; ServerError; the
   *   signal's reason
   */
  load(source: ModelSource, options?: LoadOptions): Promise<ModelInfo>;

  /**
   * What loading a model would take, and whether this device can run it. Fetches a few small files at most.
   *
   * @throws ModelFormatError, ModelFetchError; the signal's reason
   */
  planModel(source: FileSource, options?: PlanOptions): Promise<ModelPlan>;

  /**
   * Stores files of the user on this device, so that `load` takes them by the returned id, also after a reload. Other
   * work goes on meanwhile. Storing the same files again continues where a closed page stopped.
   *
   * @throws StoreError, `quota` if there is no room: nothing of the files is then left; ModelFetchError if they are no
   *   model's, or can't be read; the signal's reason
   */
  keepModel(
    files: readonly File[],
    options?: KeepOptions,
  ): Promise<StoredModel>;

  /** Models that are stored on this device, partly or completely, last used first. Needs no GPU. */
  listModels(): Promise<StoredModel[]>;

  /** Deletes a model's files from this device. A model that is loaded stays loaded. */
  deleteModel(id: string): Promise<void>;

  /**
   * As how many tokens the loaded model reads a text, without those that its template puts around a message. Text
   * that spells a special token counts as text.
   *
   * @throws Error if no model is loaded, or one on a server
   */
  countTokens(text: string): Promise<number>;
}

/** Where a model is: its files, or the server that runs it. */
export type ModelSource = FileSource | ServerSource;

/**
 * Where a model's files are:
 *
 * - the address of its folder, with a slash at its end: config.json, tokenizer.json,
 *   tokenizer_config.json, model.safetensors or its index; or the address of a GGUF file
 * - its name on the hub: `org/name`, or `org/name/file.gguf` for one of several files
 * - files at hand: a GGUF file, or those of such a folder; once stored (`keepModel`), their id: `device:name`
 */
export type FileSource = string | readonly File[];

export interface PlanOptions {
  /**
   * Bits of a weight on the GPU: 4 and 8 share a scale between 32 values, 16 is as in the file. Quantised files
   * stay as they are. Default: 4 for models of more than 200 million parameters, else 16.
   */
  weightBits?: 4 | 8 | 16 | undefined;
  /** The most bytes of KV on the GPU. Default 1 GiB. */
  memoryBudgetBytes?: number | undefined;
  /**
   * Tokens of context to prepare for. It matters for models with LongRoPE (Phi-4-mini), which compute otherwise in a
   * context longer than their original one; KV of one kind is of no use to the other. Default: the original one.
   */
  contextTokens?: number | undefined;
  /** The hub's access token, for private and gated models. Never stored. */
  hubToken?: string | undefined;
  /** The hub's address, for mirrors. Default https://huggingface.co. */
  hubUrl?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface LoadOptions extends PlanOptions {
  /**
   * How turns find the rounds that a question asks for. `heads`: by keys of a few retrieval heads, so that all other
   * KV of a round stays on the disk until it is chosen. `paper`: as Round Attention (arXiv 2502.15294) does, by
   * attention on the lower layers' KV of all rounds. Default: `heads`. While a model's retrieval heads are not known,
   * all rounds are read as long as they fit; then those that share words with the question, and the newest.
   */
  selection?: "heads" | "paper" | undefined;
  /** Whether to look up a stored model on the hub and fetch what changed. Default false. */
  refresh?: boolean | undefined;
  onProgress?: (progress: LoadProgress) => void;
}

export interface KeepOptions {
  /** Called after each part, with the bytes on this device. */
  onProgress?: (progress: { loadedBytes: number; totalBytes: number }) => void;
  signal?: AbortSignal | undefined;
}

/** What loading a model would take. */
export interface ModelPlan {
  /** As `load` takes it; if there are several files, the chosen one. */
  id: string;
  name: string;
  /** As in config.json, for example "LlamaForCausalLM". */
  architecture: string;
  /** Tokens of context the model was made for. */
  contextTokens: number;
  /** The files to choose from if the repository has several; each is a source of its own. */
  choices: ModelChoice[];
  /** Bytes that are still to be fetched. */
  downloadBytes: number;
  /** Whether the hub has a newer version than the stored one. */
  hasUpdate: boolean;
  /** On the GPU. */
  weightBytes: number;
  /**
   * Bits of a weight on the GPU, scales included, on average. A quantised file keeps its own, rounded up to what the
   * GPU reads.
   */
  bitsPerWeight: number;
  /** The same in the files. */
  fileBitsPerWeight: number;
  workspaceBytes: number;
  kvBytesPerToken: number;
  /** Why it does not fit, and what would; undefined if it fits. */
  misfit: Misfit | undefined;
}

export interface ModelChoice {
  id: string;
  /** The file's name. */
  name: string;
  bytes: number;
}

/** The resource that the device has too little of. */
export interface Misfit {
  /** What is wrong and what to choose, in a sentence or two. */
  message: string;
  /** Options with which it would fit, if there are any. */
  proposal: Pick<PlanOptions, "weightBits" | "memoryBudgetBytes"> | undefined;
}

/** A model with files on this device. */
export interface StoredModel {
  /** As `load` takes it. */
  id: string;
  /** Bytes on this device, of `totalBytes`. */
  keptBytes: number;
  totalBytes: number;
  usedMs: number;
}

export interface LoadProgress {
  phase:
    "adapter" | "download" | "tokenizer" | "weights" | "kernels" | "server";
  /** Bytes so far, of `totalBytes`: on this device (`download`) or on the GPU. */
  loadedBytes: number;
  /** 0 until known. */
  totalBytes: number;
}

/** Facts about a loaded model. Of one on a server most are unknown: its numbers are 0 where the server says none. */
export interface ModelInfo {
  /** The folder's name, or the server's name for it. */
  name: string;
  /** As in config.json, for example "LlamaForCausalLM"; "" if unknown. */
  architecture: string;
  parameterCount: number;
  layerCount: number;
  /** Tokens of context the model was made for; on a server, those it has room for. */
  contextTokens: number;
  weightBytes: number;
  kvBytesPerToken: number;
  /** Whether it can think before it answers, and also answer without; see ReplyOptions.thinks. */
  canThink: boolean;
  /**
   * Whose turns it chats with, and why, in a sentence: "No chat template in the model's files: Gemma's turns are
   * used." Undefined if it chats with its own template.
   */
  templateNote?: string | undefined;
  /** Undefined for a model on a server. */
  device?: DeviceInfo | undefined;
  /** Only of a model on a server. */
  server?: ServerInfo | undefined;
}

export interface ServerInfo {
  /** The address of its API. */
  endpoint: string;
  /** As the server names it. */
  model: string;
  kind: ServerKind;
  /** All models that it lists, by name. */
  models: readonly string[];
}

/** Which server it is, as far as its answers tell. It decides which options are sent, and how. */
export type ServerKind =
  "llama-server" | "vLLM" | "Ollama" | "LM Studio" | "other";

export interface DeviceInfo {
  vendor: string;
  architecture: string;
  description: string;
  /** Whether a CPU emulates the GPU. */
  isSoftware: boolean;
  /** The largest tensor that it can bind. */
  bindingBytes?: number | undefined;
  /**
   * Bytes of memory that it reads or writes in a second, as measured when the model was loaded; undefined if a CPU
   * emulates the GPU. A reply takes at least its model's weights for each token.
   */
  bytesPerSecond?: number | undefined;
}
