/**
 * Show the memory panel, and what turns did with it: plain data, made when somebody asks for it. The panel draws this
 * and nothing else. It has no chat text unless that is asked for.
 */
import type { MemoryClass } from "../../gpu/ledger";
import type { ModelInfo } from "./models";
import type { LocalReceipt } from "./receipt";

export type { MemoryClass };

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
  /** What its KV is worth; undefined where it has none, on the GPU or in the store. */
  quality?: KvQuality | undefined;
  /** Why the chat's last turn attended to it; undefined where it did not. */
  attended?: "last" | "pinned" | "mass" | "all" | undefined;
  /** Its share of the last question's attention on rounds; undefined where nothing was chosen. */
  mass?: number | undefined;
  /** How it begins; only with text. */
  text?: string | undefined;
}

/**
 * What KV is worth, against what a full prefill would make:
 *
 * - `exact`: computed behind these very tokens, all of them exact
 * - `approximate`: behind these very tokens, some of whose KV was not exact
 * - `stale`: behind other tokens: it is repaired for each question
 * - `repaired`: in part behind other tokens, by such a repair
 *
 * All but exact KV is computed again when there is time.
 */
export type KvQuality = "exact" | "approximate" | "stale" | "repaired";

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
  receipt: LocalReceipt;
  /** Written to the GPU during the turn. */
  uploadedBytes: number;
  /** On the GPU when the turn ended. */
  gpuBytes: number;
  kvBytes: number;
}
