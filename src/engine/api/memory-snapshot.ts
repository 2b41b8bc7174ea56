/**
 * What memory holds, and what turns did with it: plain data, made on request. The panel draws this and nothing
 * else. It has no chat text unless asked for.
 */
import type { MemoryClass } from "../../gpu/ledger";
import type { ModelInfo } from "./models";
import type { AttendedRound, LocalReceipt } from "./receipt";

export type { MemoryClass };

export interface MemorySnapshot {
  /** As Date.now() gives it. */
  takenMs: number;
  /** Undefined while no model is loaded. */
  gpu: GpuMemory | undefined;
  model: ModelMemory | undefined;
  storage: StorageMemory;
  chat: ChatMemory | undefined;
  /** Turns since the engine was started: the last 100 over all chats, oldest first. */
  turns: TurnRecord[];
}

/** Bytes on the GPU by purpose, and pages by half. */
export interface GpuMemory {
  /** The most bytes that pages of both halves may take together. */
  budgetBytes: number;
  bytes: Record<MemoryClass, number>;
  peakBytes: number;
  /** The peak of the bytes that KV pages took. */
  peakKvBytes: number;
  lower: PoolMemory;
  upper: PoolMemory;
  /** Tokens whose KV is resident, a half counting half. */
  residentTokens: number;
  /** Largest first; buffers with the same label are summed. */
  buffers: BufferMemory[];
  device: DeviceMemory;
}

export interface PoolMemory extends PageMemory {
  /** Pages of the half's layers with a window, where these have pages of their own. */
  local?: PageMemory | undefined;
}

export interface PageMemory {
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
  /** The limits that decide what fits, by WebGPU's names. */
  limits: Record<string, number>;
  /** Kernels that were checked against known sums before the model was used on this device. */
  canary: { kernel: string; error: number; tolerance: number }[];
}

export interface ModelMemory extends ModelInfo {
  /** The last layer of the lower half. */
  watershed: number;
  tau: number;
  /** How many query heads of the watershed layer are used for selection, of how many. */
  massHeads: number;
  headCount: number;
  /**
   * What chooses rounds: retrieval heads, words shared with the question (where not all rounds fit), or mass at the
   * watershed.
   */
  choosesBy: "heads" | "words" | "mass";
  /** The retrieval heads, such as "11.2" for head 2 of layer 11. */
  retrievalHeads: string[];
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
  /** Stored halves found unusable since the engine was started. */
  droppedSegments: number;
  /** Files of models. */
  modelBytes: number;
  /** Segments that wait to be written or are being packed. */
  queuedSegments: number;
  queuedBytes: number;
  /** Whether the browser promised not to clear the site's data by itself; undefined if it does not say. */
  isPersistent: boolean | undefined;
  /** Bytes in use by this site, and its quota. Undefined if the browser does not say. */
  usageBytes: number | undefined;
  quotaBytes: number | undefined;
}

export interface ChatMemory {
  chatId: string;
  /** Only with text. */
  title?: string | undefined;
  /** Of all branches: the system prompt's (id 0) first, parents before their children. */
  rounds: RoundMemory[];
  /** Ids of the shown branch, in order. */
  shownIds: number[];
}

export interface RoundMemory {
  id: number;
  parentId: number | null;
  kind: "system" | "round" | "document";
  tokens: number;
  lower: HalfMemory;
  upper: HalfMemory;
  /** Whether `pinRound` makes every turn attend to it; the system prompt needs no pin. */
  isPinned: boolean;
  /** Quality of its KV; undefined if it has none, on the GPU or in the store. */
  quality?: KvQuality | undefined;
  /** Why the chat's last turn attended to it; undefined if it did not. */
  attended?: AttendedRound["reason"] | undefined;
  /** Its share of the last question's attention on rounds; undefined if nothing was selected. */
  mass?: number | undefined;
  /** Its first words; only with text. */
  text?: string | undefined;
}

/**
 * Quality of KV, compared with a full prefill:
 *
 * - `exact`: computed behind the same tokens, all of them exact
 * - `approximate`: behind the same tokens, but some of their KV was not exact
 * - `stale`: behind other tokens; it is repaired for each question
 * - `repaired`: partly behind other tokens, because of such a repair
 *
 * Inexact KV is computed again in idle time.
 */
export type KvQuality = "exact" | "approximate" | "stale" | "repaired";

export interface HalfMemory {
  /** Tokens whose KV is in its pages. */
  residentTokens: number;
  /** Of its pages on the GPU. */
  gpuBytes: number;
  /** Of its segment; 0 if it has none. */
  storedBytes: number;
  /** Whether a turn or a transfer pins it. */
  isInUse: boolean;
}

/** One turn, as the timeline draws it. */
export interface TurnRecord {
  chatId: string;
  roundId: number;
  /** As Date.now() gives it. */
  startedMs: number;
  receipt: LocalReceipt;
  /** Written to the GPU during the turn. */
  uploadedBytes: number;
  /** On the GPU when the turn ended. */
  gpuBytes: number;
  kvBytes: number;
}
