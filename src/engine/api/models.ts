/** Models: where they come from, what loading one takes, and what a loaded one is. */

/** Loads models, and keeps their files. */
export interface ModelLoader {
  /**
   * Loads a model; one loaded before is released. Files from the hub are kept on this device, checked, and
   * never fetched twice: what was fetched before a stop, a lost connection or a reload counts.
   *
   * @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError, StoreError; the
   *   signal's reason
   */
  load(source: ModelSource, options?: LoadOptions): Promise<ModelInfo>;

  /**
   * What loading a model would take, and whether this device has it. Fetches a few small files at most.
   *
   * @throws ModelFormatError, ModelFetchError; the signal's reason
   */
  planModel(source: ModelSource, options?: PlanOptions): Promise<ModelPlan>;

  /** Models of the hub that are kept on this device, in part or whole, the one used last first. Needs no GPU. */
  listModels(): Promise<KeptModel[]>;

  /** Removes a model's files from this device. One that is loaded goes on. */
  deleteModel(id: string): Promise<void>;
}

/**
 * Where a model is:
 *
 * - the address of its folder, with a slash at its end: config.json, tokenizer.json,
 *   tokenizer_config.json, model.safetensors or its index; or the address of a GGUF file
 * - its name on the hub: `org/name`, or `org/name/file.gguf` for one of several files
 * - files at hand: a GGUF file, or those of such a folder
 */
export type ModelSource = string | readonly File[];

export interface PlanOptions {
  /**
   * What weights are kept as on the GPU: 4 and 8 bit share a scale between 32 values, 16 is as in the file.
   * A file that is quantised already stays as it is. Default: 4 for models of more than 200 million
   * parameters, else 16.
   */
  weightBits?: 4 | 8 | 16 | undefined;
  /** Bytes of KV on the GPU at most. Default 1 GiB. */
  memoryBudgetBytes?: number | undefined;
  /** The hub's access token, for private and gated models. Kept nowhere. */
  hubToken?: string | undefined;
  /** The hub's address, for mirrors. Default https://huggingface.co. */
  hubUrl?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface LoadOptions extends PlanOptions {
  /** Whether a kept model is looked up on the hub, and fetched again where it has changed. Default false. */
  refresh?: boolean | undefined;
  onProgress?: (progress: LoadProgress) => void;
}

/** What loading a model would take. */
export interface ModelPlan {
  /** As `load` takes it; of several files the one chosen. */
  id: string;
  name: string;
  /** As in config.json, for example "LlamaForCausalLM". */
  architecture: string;
  /** Tokens of context the model was made for. */
  contextTokens: number;
  /** Files to choose from, where a repository has several; each is a source of its own. */
  choices: ModelChoice[];
  /** Bytes that are still to be fetched. */
  downloadBytes: number;
  /** Whether the hub has another version than the one that is kept. */
  hasUpdate: boolean;
  /** On the GPU. */
  weightBytes: number;
  workspaceBytes: number;
  kvBytesPerToken: number;
  /** Why it does not fit, and what does: undefined where it fits. */
  misfit: Misfit | undefined;
}

export interface ModelChoice {
  id: string;
  /** The file's name. */
  name: string;
  bytes: number;
}

/** What a device has too little of. */
export interface Misfit {
  /** What is wrong and what to choose, in a sentence or two. */
  message: string;
  /** Options with which it would fit, if there are such. */
  proposal: Pick<PlanOptions, "weightBits" | "memoryBudgetBytes"> | undefined;
}

/** A model whose files are on this device. */
export interface KeptModel {
  /** As `load` takes it. */
  id: string;
  /** Bytes that are here, of `totalBytes`. */
  keptBytes: number;
  totalBytes: number;
  usedMs: number;
}

export interface LoadProgress {
  phase: "adapter" | "download" | "tokenizer" | "weights" | "kernels";
  /** Bytes so far, of `totalBytes`: on this device (`download`) or on the GPU. */
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
  /** Whether it can think before it answers, and answer without; see ReplyOptions.thinks. */
  canThink: boolean;
  device: DeviceInfo;
}

export interface DeviceInfo {
  vendor: string;
  architecture: string;
  description: string;
  /** Whether a CPU stands in for the GPU. */
  isSoftware: boolean;
}
