/**
 * Queues writes of chats: those of one chat run in FIFO order, each all or nothing. If the disk is full, KV is
 * evicted to make room. A write that was queued before its chat was deleted does not bring the chat back.
 */
import type {
  ConversationChanges,
  ConversationRecord,
} from "../../store/conversations";
import type { Database } from "../../store/database";
import { writeWithEviction } from "../../store/write-with-eviction";
import { writeRounds } from "../../store/round-writer";
import type { RoundRecord } from "../../store/rounds";
import type { SegmentRecord, Segments } from "../../store/segments";
import { StoreError } from "../../util/errors";
import { KeyedQueue } from "../../util/keyed-queue";
import type { StoreWarnings } from "./store-warnings";

/** Bytes to free at a time if text finds no room: more than any text takes, less than much KV. */
const TEXT_ROOM_BYTES = 16 * 2 ** 20;

export class WriteQueue {
  readonly #database: Database;
  readonly #segments: Segments;
  readonly #warnings: StoreWarnings;
  readonly #queue = new KeyedQueue();
  /** Chats that were stored once: if one is missing now, this tab or another deleted it. */
  readonly #known = new Set<string>();
  readonly #deleted = new Set<string>();

  constructor(database: Database, segments: Segments, warnings: StoreWarnings) {
    this.#database = database;
    this.#segments = segments;
    this.#warnings = warnings;
  }

  /** Records that a chat is stored. */
  know(chatId: string): void {
    this.#known.add(chatId);
  }

  /** Whether a chat is stored, or was until it was deleted. */
  isKnown(chatId: string): boolean {
    return this.#known.has(chatId);
  }

  /** Runs `write` when its turn comes. @throws as it does */
  inTurn<T>(chatId: string, write: () => Promise<T>): Promise<T> {
    return this.#queue.run(chatId, write);
  }

  /**
   * Runs `write` when its turn comes, and warns if it fails.
   *
   * @param write resolves to whether anything was stored
   * @param consequence of a failure, as a sentence
   */
  attempt(
    chatId: string,
    write: () => Promise<boolean>,
    consequence?: string,
  ): Promise<boolean> {
    return this.#queue.run(chatId, async () => {
      if (this.#deleted.has(chatId)) return false;
      try {
        const isKept = await write();
        if (isKept) this.#warnings.succeeded();
        return isKept;
      } catch (error) {
        this.#warnings.warn(error, consequence);
        return false;
      }
    });
  }

  /**
   * Writes rounds of a chat. If the disk is full, evicts KV of other chats, then of this one.
   *
   * @returns whether the chat is new
   * @throws StoreError
   */
  async putRounds(
    conversation: ConversationRecord,
    rounds: readonly RoundRecord[],
    changes: ConversationChanges = {},
  ): Promise<boolean> {
    const { id } = conversation;
    const options = { isKnown: this.#known.has(id), changes };
    const isNew = await writeWithEviction(
      this.#segments,
      () => writeRounds(this.#database, conversation, rounds, options),
      TEXT_ROOM_BYTES,
      [{ isPinned: (use) => use.conversationId === id }, {}],
    );
    this.know(id);
    return isNew;
  }

  /**
   * Writes a segment. If the disk is full, evicts KV of other chats.
   *
   * @returns false if its round is missing: it was deleted, or found no room itself
   * @throws StoreError
   */
  async putSegment(segment: SegmentRecord): Promise<boolean> {
    const { conversationId, bytes } = segment;
    try {
      await writeWithEviction(
        this.#segments,
        () => this.#segments.put(segment),
        2 * bytes,
        [{ isPinned: (use) => use.conversationId === conversationId }],
      );
      return true;
    } catch (error) {
      if (error instanceof StoreError && error.reason === "missing")
        return false;
      throw error;
    }
  }

  /**
   * Writes segments of a chat together. If the disk is full, evicts KV of other chats.
   *
   * @returns how many were written; those without a round are left out
   * @throws StoreError; then none is written
   */
  putSegments(
    chatId: string,
    segments: readonly SegmentRecord[],
  ): Promise<number> {
    const bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    return writeWithEviction(
      this.#segments,
      () => this.#segments.putAll(segments),
      2 * bytes,
      [{ isPinned: (use) => use.conversationId === chatId }],
    );
  }

  /** Runs `remove` when its turn comes. Writes of the chat that are queued before or after it are dropped. */
  async delete(chatId: string, remove: () => Promise<void>): Promise<void> {
    this.#deleted.add(chatId);
    try {
      await this.inTurn(chatId, remove);
    } catch (error) {
      this.#deleted.delete(chatId);
      throw error;
    }
  }

  /** Resolves when the writes queued so far are done. */
  idle(chatId: string): Promise<void> {
    return this.#queue.idle(chatId);
  }

  allIdle(): Promise<void> {
    return this.#queue.allIdle();
  }
}
