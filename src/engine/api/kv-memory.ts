/** The KV memory of chats: inspecting it, verifying its results, controlling it. */
import type { ChatStore } from "./chats";
import type { MemorySnapshot } from "./memory-snapshot";
import type { NoticeSource } from "./notice";
import type { RestoreReport } from "./receipt";

/** Inspects and controls the KV memory. */
export interface KvMemory {
  /** What memory holds now. Answers at once, even while other work runs or no model is loaded. */
  memory(options?: MemoryOptions): Promise<MemorySnapshot>;

  /**
   * Computes the turn of a round again with full attention and exact KV, and compares the model's predictions at
   * each token of the reply. Changes nothing in the chat. Messages sent meanwhile go first; the verification then
   * starts over.
   *
   * @throws RangeError if there is no such round, or it has no reply; ContextFullError if the chat is too long
   *   for full attention; ChatBusyError, OutOfMemoryError, DeviceLostError; the signal's reason
   */
  verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport>;

  /**
   * Brings the lower halves of an opened chat to the GPU, as its next turn would do first: restored from the
   * store, or computed again.
   *
   * @throws OutOfMemoryError, DeviceLostError; the signal's reason
   */
  restoreChat(chatId: string, options?: RestoreOptions): Promise<RestoreReport>;

  /**
   * Makes every turn of the chat attend to a round, until it is unpinned. Stored with the chat.
   *
   * @throws RangeError if there is no such round; ChatBusyError; StoreError
   */
  pinRound(chatId: string, roundId: number, isPinned: boolean): Promise<void>;

  /**
   * Evicts a round's KV from the GPU, after storing what is not stored yet.
   *
   * @throws RangeError if there is no such round; Error if a turn needs it
   */
  evictRound(chatId: string, roundId: number): Promise<void>;

  /**
   * Drops the KV, on the GPU and stored, of one chat or of all chats and documents: it is computed again when
   * needed. Text stays.
   *
   * @throws RangeError if there is no such chat; ChatBusyError; StoreError
   */
  wipeKv(chatId?: string): Promise<void>;

  /** Whether idle time is used to compute inexact KV again, and to find a model's retrieval heads. Default: true. */
  setHealing(isOn: boolean): Promise<void>;
}

/** What the memory panel needs of an engine: the engine itself on the page, a proxy for it in DevTools. */
export interface MemorySource
  extends
    Pick<KvMemory, "memory" | "verify" | "pinRound" | "evictRound" | "wipeKv">,
    Pick<ChatStore, "deleteRound">,
    NoticeSource {}

export interface RestoreOptions {
  onProgress?: (progress: RestoreProgress) => void;
  signal?: AbortSignal;
}

export interface RestoreProgress {
  doneTokens: number;
  totalTokens: number;
}

export interface MemoryOptions {
  /** The chat whose rounds to describe. Default: the chat of the last turn, or the one opened last. */
  chatId?: string | undefined;
  /** Whether to include the first words of each round. Default: no text at all. */
  withText?: boolean | undefined;
}

export interface VerifyOptions {
  onProgress?: (progress: { doneTokens: number; totalTokens: number }) => void;
  signal?: AbortSignal;
}

/** How far two distributions of a reply's tokens are apart. */
export interface Divergence {
  /** At how many tokens of the reply both agree on the likeliest one. */
  sameTop1: number;
  /** KL divergence, in nats a token. */
  meanKl: number;
  maxKl: number;
}

/** Compares a turn as it was with the same turn under full attention and exact KV. */
export interface VerifyReport extends Divergence {
  chatId: string;
  roundId: number;
  /** Tokens of the reply that were compared. */
  positions: number;
  /** What selection cost: full attention against the same rounds alone, both over exact KV. */
  selection: Divergence;
  /** What reuse cost: the same rounds over exact KV against them as they were. */
  reuse: Divergence;
  /** Share of the question's attention on each round, layer by layer: [layer][round of `roundIds`]. */
  mass: number[][];
  roundIds: number[];
  tookMs: number;
}
