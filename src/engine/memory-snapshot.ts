/**
 * What memory holds, and what turns did with it: plain data, made when somebody asks for it. The panel
 * draws this and nothing else. It has no chat text unless that is asked for.
 */
import type { MemoryClass } from "../gpu/ledger";
import type {
  ChatHistory,
  EngineNotice,
  ModelInfo,
  Receipt,
} from "./chat-engine";

/** What the memory panel needs of an engine: in the page the engine itself, from DevTools one that asks it. */
export interface MemorySource {
  /** Whether it was closed for good: whatever it is asked fails. Default: it is not. */
  readonly isClosed?: boolean;

  /** What is where now. Answers at once, whatever goes on, and without a model, too. */
  memory(options?: MemoryOptions): Promise<MemorySnapshot>;

  /**
   * Computes the turn of a round once more, with full attention and KV that is exact, and compares what the
   * model would have said at each token of the reply. Nothing of the chat changes. A message that is sent
   * meanwhile goes first; it is begun anew behind that.
   *
   * @throws RangeError where there is no such round, or nothing was said in reply; ContextFullError where
   *   the chat is longer than full attention can read; ChatBusyError, OutOfMemoryError, DeviceLostError;
   *   the signal's reason
   */
  verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport>;

  /**
   * Has every turn of its chat attend to a round, until it is unpinned. Kept with the chat.
   *
   * @throws RangeError where there is no such round; ChatBusyError; StoreError
   */
  pinRound(chatId: string, roundId: number, isPinned: boolean): Promise<void>;

  /**
   * Takes a round's KV off the GPU; what is not stored yet is stored first.
   *
   * @throws RangeError where there is no such round; Error where a turn needs it
   */
  evictRound(chatId: string, roundId: number): Promise<void>;

  /**
   * Forgets KV, on the GPU and stored, of a chat or of all chats and documents: it is computed again when it
   * is needed. No text.
   *
   * @throws RangeError where there is no such chat; ChatBusyError; StoreError
   */
  wipeKv(chatId?: string): Promise<void>;

  /**
   * Takes a round out of the chat, in all its versions of what came behind it. Later rounds have read it:
   * unless `isFast`, their KV is forgotten and computed again (`restoreChat` does it at once), and nothing
   * of the round is left anywhere. With `isFast` their KV is used on, and repaired for each question.
   *
   * @throws RangeError where there is no such round; ChatBusyError; StoreError
   */
  deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory>;

  /** Calls `listener` with what happens unasked; returns how to stop that. */
  onNotice(listener: (notice: EngineNotice) => void): () => void;
}

export interface MemoryOptions {
  /** Whose rounds are wanted. Default: the chat of the last turn, or that was opened last. */
  chatId?: string | undefined;
  /** Whether rounds come with how they begin. Default: no text at all. */
  withText?: boolean | undefined;
}

export interface MemorySnapshot {
  /** Of the clock that Date.now() reads. */
  takenMs: number;
  /** Undefined while no model is loaded. */
  gpu: GpuMemory | undefined;
  model: ModelMemory | undefined;
  storage: StorageMemory;
  chat: ChatMemory | undefined;
  /** Turns since the engine was started, the last 100 of all chats, oldest first. */
  turns: TurnRecord[];
}

/** Bytes on the GPU by what they are for, and pages by half. */
export interface GpuMemory {
  /** What pages of both halves may take together. */
  budgetBytes: number;
  bytes: Record<MemoryClass, number>;
  peakBytes: number;
  /** The most that pages of KV took at any time. */
  peakKvBytes: number;
  lower: PoolMemory;
  upper: PoolMemory;
  /** Tokens whose KV is there, a half counting half. */
  residentTokens: number;
  /** The largest first; those of one label together. */
  buffers: BufferMemory[];
  device: DeviceMemory;
}

export interface PoolMemory {
  pageCount: number;
  freePages: number;
  bytesPerPage: number;
}

export interface BufferMemory {
  label: string;
  memoryClass: MemoryClass;
  count: number;
  bytes: number;
}

export interface DeviceMemory {
  vendor: string;
  architecture: string;
  description: string;
  isSoftware: boolean;
  features: string[];
  /** Those that matter for what fits: by WebGPU's names. */
  limits: Record<string, number>;
  /** The kernels that were held against known sums before the model was trusted to the device. */
  canary: { kernel: string; error: number; tolerance: number }[];
}

export interface ModelMemory extends ModelInfo {
  /** The last layer of the lower half. */
  watershed: number;
  tau: number;
  /** How many query heads of the watershed layer are asked, of how many. */
  massHeads: number;
  headCount: number;
  /** Where the watershed and the heads come from. */
  calibration: "measured" | "learned" | "assumed";
}

/** What is on the disk. */
export interface StorageMemory {
  chatCount: number;
  segmentCount: number;
  segmentBytes: number;
  /** Tokens whose KV is stored, a half counting half. */
  storedTokens: number;
  /** Stored halves that turned out to be of no use since the engine was started. */
  droppedSegments: number;
  /** Files of models. */
  modelBytes: number;
  /** Segments that are to be written, or are being packed for that. */
  queuedSegments: number;
  queuedBytes: number;
  /** Whether the browser promised not to clear it by itself; undefined where it does not say. */
  isPersistent: boolean | undefined;
  /** Of this site: in use, and at most. Undefined where the browser does not tell. */
  usageBytes: number | undefined;
  quotaBytes: number | undefined;
}

export interface ChatMemory {
  chatId: string;
  /** Only with text. */
  title?: string | undefined;
  /** Of all branches: the system prompt's (id 0) first, parents before their children. */
  rounds: RoundMemory[];
  /** Ids of the branch that is shown, in its order. */
  shownIds: number[];
}

export interface RoundMemory {
  id: number;
  parentId: number | null;
  kind: "system" | "round" | "document";
  tokens: number;
  lower: HalfMemory;
  upper: HalfMemory;
  /** Every turn attends to it because `pinRound` said so; the system prompt needs no pin. */
  isPinned: boolean;
  /** Its KV was computed in another context than the one it stands in now. */
  isStale: boolean;
  /** Its pages hold KV that was repaired in part. */
  isRepaired: boolean;
  /** What it was computed with was itself not exact. */
  isApproximate: boolean;
  /** Why the chat's last turn attended to it; undefined where it did not. */
  attended?: "last" | "pinned" | "mass" | "all" | undefined;
  /** Its share of the last question's attention on rounds; undefined where nothing was chosen. */
  mass?: number | undefined;
  /** How it begins; only with text. */
  text?: string | undefined;
}

export interface HalfMemory {
  /** Tokens whose KV is in its pages. */
  residentTokens: number;
  /** Of its pages on the GPU. */
  gpuBytes: number;
  /** Of its segment; 0 where there is none. */
  storedBytes: number;
  /** Whether a turn or a transfer needs it to stay. */
  isInUse: boolean;
}

/** One turn, as the timeline shows it. */
export interface TurnRecord {
  chatId: string;
  roundId: number;
  /** Of the clock that Date.now() reads. */
  startedMs: number;
  receipt: Receipt;
  /** Written to the GPU during the turn. */
  uploadedBytes: number;
  /** On the GPU when the turn ended. */
  gpuBytes: number;
  kvBytes: number;
}

/** Where a turn's time went, in milliseconds. */
export interface TurnPhases {
  /** Lower halves were restored or computed again. */
  lowerMs: number;
  /** The question went through the lower layers, stale tokens with it. */
  readMs: number;
  /** Its attention was read back, and rounds were chosen. */
  selectMs: number;
  /** Upper halves were restored or computed again. */
  upperMs: number;
  /** The question went on through the upper layers, to the first token. */
  answerMs: number;
  /** All other tokens. */
  decodeMs: number;
}

export interface VerifyOptions {
  onProgress?: (progress: { doneTokens: number; totalTokens: number }) => void;
  signal?: AbortSignal;
}

/** A turn as it was, against the same turn with full attention and exact KV. */
export interface VerifyReport {
  chatId: string;
  roundId: number;
  /** Tokens of the reply at which both were compared. */
  positions: number;
  /** At how many of them both have the same likeliest token. */
  sameTop1: number;
  /** KL divergence of what the turn said from what full attention says, in nats a token. */
  meanKl: number;
  maxKl: number;
  /** Share of the question's attention on each round, layer by layer: [layer][round of `roundIds`]. */
  mass: number[][];
  roundIds: number[];
  tookMs: number;
}
