import type { MemoryClass } from "../gpu/ledger";
import type { StoreErrorReason } from "../util/errors";
import type { Excerpt } from "../util/found-text";
import type { MemorySource, TurnPhases } from "./memory-snapshot";

export type { MemoryClass };

/**
 * The engine's face: a chat from text to text. The same interface stands on both sides of the
 * worker: `Engine` (engine.ts) computes, `RemoteEngine` (remote.ts) forwards to it. What the memory panel
 * asks of it is in memory-snapshot.ts.
 */
export interface ChatEngine extends MemorySource {
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

  /** The chats that are kept, the one changed last first. Needs no model. */
  listChats(): Promise<ChatSummary[]>;

  /**
   * Kept chats in which all words of `query` were said at once, in a message, its reply or a document: the
   * one changed last first, a hundred at most. Case and accents are no matter. Needs no model.
   *
   * @throws StoreError; the signal's reason
   */
  searchChats(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /**
   * Starts a chat and returns its id. It is empty, or begins with what was said elsewhere: the model reads
   * that with the first message, and `openChat` names its rounds. It is kept from its first message on.
   */
  createChat(options?: ChatOptions): Promise<string>;

  /**
   * What was said in a kept chat. Needs no model, and no GPU. From now on this tab writes the chat;
   * where another one does, `access` says so, and a notice `chat-writable` comes when that one leaves it.
   *
   * @throws RangeError where there is no such chat; StoreError
   */
  openChat(chatId: string): Promise<ChatHistory>;

  /** Leaves a chat to other tabs once its reply is over. What it has on the GPU stays as long as there is room. */
  leaveChat(chatId: string): Promise<void>;

  /**
   * Brings the lower halves of an opened chat to the GPU, as its next turn would do first: from the
   * store, or computed again where they are not there.
   *
   * @throws OutOfMemoryError, DeviceLostError; the signal's reason
   */
  restoreChat(chatId: string, options?: RestoreOptions): Promise<RestoreReport>;

  /** @throws StoreError */
  renameChat(chatId: string, title: string): Promise<void>;

  /** Forgets a chat: its text, what is stored of its KV, and its pages. */
  deleteChat(chatId: string): Promise<void>;

  /**
   * A chat as one file, its text always, its KV if asked for.
   *
   * @throws RangeError where there is no such chat; StoreError
   */
  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob>;

  /**
   * Adds a chat from such a file, under a new id.
   *
   * @throws ChatFileError, StoreError
   */
  importChat(file: Blob): Promise<ChatSummary>;

  /**
   * Sends `message` and streams the reply. The last event is always `end`. Aborting ends the reply
   * between two tokens; what was said until then stays in the chat (finish reason `aborted`).
   * Leaving the loop early does the same.
   *
   * @throws ContextFullError, OutOfMemoryError, DeviceLostError; ChatBusyError where another tab writes the chat
   */
  chat(
    chatId: string,
    message: string,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Shows another version of a round, with what was said behind it last. The chat goes on there.
   *
   * @throws RangeError where there is no such round; ChatBusyError; StoreError
   */
  showVersion(chatId: string, roundId: number): Promise<ChatHistory>;

  /**
   * Puts a round of the branch that is shown behind another one of it, 0 being the start: a new branch,
   * which reuses the KV of all rounds.
   *
   * @throws RangeError where there are no such rounds; ChatBusyError; StoreError
   */
  moveRound(
    chatId: string,
    roundId: number,
    behind: number,
  ): Promise<ChatHistory>;

  /**
   * Gives the chat another system prompt; without one the model's template decides. All KV is reused,
   * and repaired for each question until it is exact again.
   *
   * @throws ChatBusyError, StoreError
   */
  setSystem(chatId: string, system: string | undefined): Promise<ChatHistory>;

  /**
   * Puts a document behind the last round. It is read once, right behind the system prompt, and its KV
   * is kept under the hash of its content: in any other chat nothing of it is computed again. `deleteRound`
   * detaches it.
   *
   * @throws ContextFullError where it is too long for the model; ChatBusyError, OutOfMemoryError,
   *   DeviceLostError, StoreError; the signal's reason
   */
  attach(
    chatId: string,
    document: ChatDocument,
    options?: RestoreOptions,
  ): Promise<AttachReport>;

  /** Whether KV that is not exact is computed again while nothing else is to be done. Default: it is. */
  setHealing(isOn: boolean): Promise<void>;

  /** Releases the model, the device and the worker. */
  close(): Promise<void>;
}

/** A kept chat as it is listed. */
export interface ChatSummary {
  id: string;
  title: string;
  createdMs: number;
  /** When it was last renamed or written to. */
  updatedMs: number;
  /** The model it was last held with. */
  modelName: string;
}

export interface SearchOptions {
  signal?: AbortSignal;
}

/** A chat in which something was found, and the words around that. */
export interface ChatHit {
  chatId: string;
  excerpt: Excerpt;
}

/** A kept chat as it is read. */
export interface ChatHistory {
  summary: ChatSummary;
  system: string | undefined;
  /** Whether this tab may go on with the chat: another one writes it otherwise. */
  access: "write" | "read";
  rounds: HistoryRound[];
}

export interface HistoryRound {
  id: number;
  /** Ids of all that were said in this place, oldest first, its own among them. */
  versions: number[];
  /** The document's name, where it is one: its text is the message then. */
  document?: string | undefined;
  message: string;
  /** As far as it came. */
  reply: string;
  /** Whether the reply came to its end; one that was stopped did. */
  isFinished: boolean;
  /** Whether every turn attends to it (`pinRound`). Default: it is not. */
  isPinned?: boolean | undefined;
  /**
   * Ids of the rounds that the reply attended to, in the order of the chat; null: all before it, or it is not
   * known. One may stand in another branch than the one that is shown, or be deleted since.
   */
  attended: readonly number[] | null;
}

/** Text that a chat can be asked about. */
export interface ChatDocument {
  name: string;
  text: string;
}

/** What attaching a document took, in tokens. */
export interface AttachReport {
  roundId: number;
  /** Computed now, because no chat has had the document before. */
  encodedTokens: number;
  /** Found in the store. */
  reusedTokens: number;
}

export interface RestoreOptions {
  onProgress?: (progress: RestoreProgress) => void;
  signal?: AbortSignal;
}

export interface RestoreProgress {
  doneTokens: number;
  totalTokens: number;
}

/** How the KV of a chat came to the GPU, in tokens. */
export interface RestoreReport {
  /** Were there already. */
  keptTokens: number;
  /** Came from the store. */
  restoredTokens: number;
  /** Computed again, because the store had nothing usable or computing is quicker. */
  recomputedTokens: number;
  /** Stored halves that were torn, damaged or another model's, and are dropped now. */
  droppedSegments: number;
}

/** What happens unasked. */
export type EngineNotice =
  /** The list of chats is another one now, perhaps by another tab. */
  | { type: "chats-changed" }
  /** The tab that wrote this chat has left it: open it again to go on. */
  | { type: "chat-writable"; chatId: string }
  /** KV of so many rounds of a chat is not exact yet; it becomes so when there is time. 0: all of it is exact. */
  | { type: "healing"; chatId: string; roundsLeft: number }
  /** A snapshot of memory would be another one now, most of all of this chat; undefined: of any. */
  | { type: "memory-changed"; chatId: string | undefined }
  /** Chats are not kept as they should be; `message` says what was given up and what to do. */
  | { type: "store-trouble"; reason: StoreErrorReason; message: string };

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

export interface ChatOptions {
  /** The system prompt; without it the model's template decides. */
  system?: string | undefined;
  /** What was said before, oldest first. */
  history?: readonly SaidRound[] | undefined;
}

/** A message and its reply, either of which may be empty. */
export interface SaidRound {
  message: string;
  reply: string;
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

/** Which rounds a turn attends to: Round Attention (arXiv 2502.15294). */
export interface AttentionSettings {
  /** `rounds`: those that matter for the question; `all`: every one. Default `rounds`. */
  mode: "rounds" | "all";
  /** Rounds are taken by falling mass until they hold this share. Default: the model's, else 0.9. */
  tau: number;
  /** At least so many rounds are taken by mass. Default 1. */
  kMin: number;
  /** Bytes of upper halves at most. Default: a third of the model's context, or what the memory budget leaves. */
  budgetBytes: number;
  /** Ids of rounds that are always attended to. */
  pinned: readonly number[];
}

/** How KV that was computed in another context is repaired for a question: A³ (arXiv 2511.17560). */
export interface FusionSettings {
  /**
   * How the tokens to compute again are found: by what the question looks at in layer 1, with all stale keys
   * computed afresh (`a3`) or with the cached ones (`lite`); at the watershed (`watershed`); `a3` with both
   * ends of each stale round (`edges`); or whole rounds by what the calibrated rows of the question look at
   * with the cached keys (`rounds`). Default `rounds`: the nearest to a full prefill where it matters, in
   * two thirds of the time of `a3` (docs/measurements.md).
   */
  variant: FusionVariant;
  /** Share of the context that is computed again, from 0 (none) to 1 (all that is stale). Default 0.15. */
  ratio: number;
}

export type FusionVariant = "rounds" | "a3" | "lite" | "watershed" | "edges";

/** Where a message goes that is not the chat's next one: it begins a new branch. */
export interface MessagePlace {
  /** Id of the round that it follows; 0: the first of the chat. */
  behind: number;
  /** Id of the round, of the branch that is shown, that follows it with all behind that. Default: none does. */
  before?: number | undefined;
}

export interface ReplyOptions {
  /**
   * Default: behind all. Another version of round j goes behind the round before j: without `before` it
   * begins a branch of its own; with the round behind j as `before` what was said later is kept.
   */
  place?: MessagePlace | undefined;
  fusion?: Partial<FusionSettings>;
  sampler?: Partial<SamplerSettings>;
  attention?: Partial<AttentionSettings>;
  /** Whether a model that can thinks before it answers. Default true. */
  thinks?: boolean;
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
  /** The round's id in its chat. */
  roundId: number;
  /** Tokens of context whose KV was there, on the GPU or in the store. */
  cachedTokens: number;
  /** Of these, tokens of rounds that came from the store since the turn before. */
  restoredTokens: number;
  /** Tokens computed before the first token of the reply. */
  prefilledTokens: number;
  attention: AttentionReport;
  fusion: FusionReport;
  replyTokens: number;
  timeToFirstTokenMs: number;
  /** Of the reply, first token excluded; 0 for replies of one token. */
  decodeTokensPerSecond: number;
  /** From the turn's start to its end; together they are all of it. */
  phases: TurnPhases;
  seed: number;
}

/** What a turn found of KV that was computed in another context, and what it did about it. */
export interface FusionReport {
  /** Rounds before this one whose KV is what a full prefill would have made, as far as is known. */
  exactRounds: number;
  /** Rounds whose context is another one now. */
  staleRounds: number;
  /** Of these, rounds of which tokens were computed again. */
  repairedRounds: number;
  /** Tokens of stale rounds. */
  staleTokens: number;
  /** Of these, tokens that were computed again. */
  repairedTokens: number;
  ratio: number;
  /** What it took to find them, and to compute them with the question, in milliseconds. */
  findMs: number;
  repairMs: number;
}

/** What a turn attended to, and how it came to be there. */
export interface AttentionReport {
  /** Rounds before this one. */
  roundCount: number;
  /** Of these, rounds whose lower halves the question read: all that the memory budget holds. */
  readCount: number;
  attended: AttendedRound[];
  /** Share of the question's attention on rounds, at the watershed, that fell on those attended to. */
  capturedMass: number;
  /** Whether the budget left out a round that was asked for. */
  isCut: boolean;
  /** Bytes of KV that the turn needed on the GPU, of `fullKvBytes` for the whole chat. */
  kvBytes: number;
  fullKvBytes: number;
  /** How the halves came to be there. */
  lower: RestoreReport;
  upper: RestoreReport;
}

export interface AttendedRound {
  id: number;
  /** `all`: nothing was chosen. */
  reason: "last" | "pinned" | "mass" | "all";
  /** Share of the question's attention on rounds; 0 where nothing was chosen. */
  mass: number;
}
