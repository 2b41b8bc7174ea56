/** Notices: what an engine reports unasked. */
import type { StoreErrorReason } from "../../util/errors";

/** Reports events that nobody asked for. */
export interface NoticeSource {
  /** Whether the engine was closed for good: every call then fails. Default: false. */
  readonly isClosed?: boolean;

  /** Adds a listener for notices; returns a function that removes it. */
  onNotice(listener: (notice: EngineNotice) => void): () => void;
}

/** How far calibration is, in chats. */
export interface CalibrationProgress {
  done: number;
  total: number;
}

/** An event that the engine reports. */
export type EngineNotice =
  /** The list of chats changed, perhaps through another tab. */
  | { type: "chats-changed" }
  /** The tab that wrote this chat has left it: open it again to continue. */
  | { type: "chat-writable"; chatId: string }
  /** How many rounds of a chat have inexact KV; healing works on them in idle time. 0: all KV is exact. */
  | { type: "healing"; chatId: string; roundsLeft: number }
  /** How many of the built-in chats were read to find a model's retrieval heads, once, in idle time. */
  | ({ type: "calibrating" } & CalibrationProgress)
  /** The memory snapshot changed, mainly for this chat; undefined: for any chat. */
  | { type: "memory-changed"; chatId: string | undefined }
  /** Chats can't be stored as they should be; `message` says what was given up and what to do. */
  | { type: "store-trouble"; reason: StoreErrorReason; message: string }
  /**
   * The accounting of the GPU's pages was inconsistent; `message` has the numbers. The KV concerned is computed
   * again.
   */
  | { type: "memory-fault"; message: string };
