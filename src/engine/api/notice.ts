/** What an engine tells unasked. */
import type { StoreErrorReason } from "../../util/errors";

/** Tells what happens unasked. */
export interface NoticeSource {
  /** Whether it was closed for good: whatever it is asked fails. Default: it is not. */
  readonly isClosed?: boolean;

  /** Calls `listener` with what happens unasked; returns how to stop that. */
  onNotice(listener: (notice: EngineNotice) => void): () => void;
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
  | { type: "store-trouble"; reason: StoreErrorReason; message: string }
  /** The books of the GPU's pages did not agree; `message` has the numbers. The KV in question is computed again. */
  | { type: "memory-fault"; message: string };
