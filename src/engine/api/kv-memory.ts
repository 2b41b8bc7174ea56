/** The KV memory of chats: looking into it, verifying what came of it, and steering it. */
import type { ChatStore } from "./chats";
import type { MemorySnapshot } from "./memory-snapshot";
import type { NoticeSource } from "./notice";
import type { RestoreReport } from "./receipt";

/** Looks into the KV memory, and steers it. */
export interface KvMemory {
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
   * Brings the lower halves of an opened chat to the GPU, as its next turn would do first: from the
   * store, or computed again where they are not there.
   *
   * @throws OutOfMemoryError, DeviceLostError; the signal's reason
   */
  restoreChat(chatId: string, options?: RestoreOptions): Promise<RestoreReport>;

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

  /** Whether KV that is not exact is computed again while nothing else is to be done. Default: it is. */
  setHealing(isOn: boolean): Promise<void>;
}

/** What the memory panel needs of an engine: in the page the engine itself, from DevTools one that asks it. */
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
  /** Whose rounds are wanted. Default: the chat of the last turn, or that was opened last. */
  chatId?: string | undefined;
  /** Whether rounds come with how they begin. Default: no text at all. */
  withText?: boolean | undefined;
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
