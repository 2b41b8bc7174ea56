/**
 * The interface to whatever stores chats: text always, KV as a cache. No turn ever fails because of it.
 * `IndexedDbArchive` uses IndexedDB, `NoArchive` stores nothing.
 */
import type { ToolDefinition } from "../../store/tools";
import type { KvOrigin } from "../../memory/half-kv";
import type {
  ExpectedSegment,
  SegmentElements,
  SegmentHeader,
} from "../../memory/segment";
import type { ConversationRecord } from "../../store/conversations";
import type { RoundRecord } from "../../store/rounds";
import type { StoredHalves } from "../../store/segment-uses";
import { StoreError, type StoreErrorReason } from "../../util/errors";
import type { ChatHit, ChatSummary, SearchOptions } from "../api/chats";
import type { StorageMemory } from "../api/memory-snapshot";
import type { RoundFields } from "../chat/chat-round";

export interface Archive {
  /** Chats of an owner, or without one: last changed first. @throws StoreError */
  list(owner?: string): Promise<ChatSummary[]>;

  /** Chats without an owner in which a round contains every word of `query`. @throws StoreError; the signal's reason */
  search(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /** The chat; undefined if there is none. @throws StoreError */
  read(chatId: string): Promise<ArchivedChat | undefined>;

  /**
   * Adds or replaces rounds of a chat, all or none of them; the first ones create the chat. If the disk is full,
   * KV is deleted to make room for text. The rounds are copied at once, so the caller may change them afterwards.
   * Stored KV stays if it still belongs to these tokens (and, for the upper half, was computed against the same
   * rounds).
   *
   * @param changes to the chat itself, written with them
   * @returns whether they are stored; if not, `onWarning` is called
   */
  saveRounds(
    chat: ChatHead,
    rounds: readonly RoundFields[],
    changes?: ChatChanges,
  ): Promise<boolean>;

  /**
   * Stores half of a round's KV; the round itself was stored before. The least recently used KV of other chats
   * makes room.
   *
   * @param header its fingerprint is a `segmentName`
   * @param payload is read later: it must not change any more
   * @param origin what the KV was computed behind
   * @returns whether it is stored; if there is no room, `onWarning` is called
   */
  saveSegment(
    chatId: string,
    roundId: number,
    header: SegmentHeader,
    payload: Uint8Array<ArrayBuffer>,
    origin: KvOrigin,
  ): Promise<boolean>;

  /**
   * Half of a round's KV, if it is intact and as expected. `dropped`: it was torn, damaged or another model's,
   * and is deleted. Never rejects.
   */
  readSegment(
    chatId: string,
    roundId: number,
    expected: ExpectedSegment,
  ): Promise<FoundSegment | "missing" | "dropped">;

  /**
   * Which halves of which rounds are stored, with what is known of them. Whether they are usable, `readSegment`
   * tells. Never rejects.
   */
  storedHalves(chatId: string): Promise<StoredHalves>;

  /** Writes down which segments were used. Call it in idle time, such as after a turn. */
  saveUses(): Promise<void>;

  /** @throws StoreError, `missing` if there is no such chat */
  rename(chatId: string, title: string): Promise<void>;

  /**
   * Changes a chat's shown branch, pinned rounds or system prompt, and stores the rounds changed by that. All or
   * nothing.
   *
   * @returns false if the chat is not stored yet: its first rounds will bring the changes along
   * @throws StoreError, `missing` if it was deleted
   */
  change(
    chat: ChatHead,
    changes: ChatChanges,
    rounds?: readonly RoundFields[],
  ): Promise<boolean>;

  /**
   * Deletes rounds from their chat: their children move up to their parents. Unless `keepsKv`, also deletes the
   * KV that was computed with them in view. All or nothing.
   *
   * @param options.shownId the round whose branch is shown from now on. Default: the newest
   * @throws StoreError
   */
  deleteRounds(
    chatId: string,
    roundIds: readonly number[],
    options?: DeleteRoundsOptions,
  ): Promise<void>;

  /** Deletes the stored KV of a chat, or of all chats and documents. @throws StoreError */
  wipeKv(chatId?: string): Promise<void>;

  /** A document as it was prefilled once, for all chats; its KV is under the same id. Never rejects. */
  readDocument(id: string): Promise<RoundRecord | undefined>;

  /** Deletes a document and its KV. @throws StoreError */
  deleteDocument(id: string): Promise<void>;

  /** Stores a document, so that its KV can be stored under the same id. */
  saveDocument(id: string, round: RoundFields): Promise<boolean>;

  /** Deletes a chat, including what is still queued for it. Does nothing if there is none. @throws StoreError */
  delete(chatId: string): Promise<void>;

  /** A chat as a file. @throws RangeError if there is no such chat; StoreError */
  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob>;

  /**
   * Adds a chat from a file, under a new id.
   *
   * @throws ChatFileError, StoreError
   */
  importChat(file: Blob, options?: { withKv?: boolean }): Promise<ImportedChat>;

  /** Resolves when everything queued for a chat so far is stored, or has failed. */
  idle(chatId: string): Promise<void>;

  /** Counts by keys and sizes, without reading any chat or KV. @throws StoreError */
  storageSnapshot(): Promise<StorageSnapshot>;

  /** What calibration learned of the model at an address, as stored: unchecked. Never rejects. */
  readLearned(url: string): Promise<unknown>;

  /** Stores that. Never rejects: it can be learned again. */
  saveLearned(url: string, learned: unknown): Promise<void>;

  /** Waits for queued writes, then closes the store. */
  close(): Promise<void>;
}

export interface DeleteRoundsOptions {
  keepsKv?: boolean;
  shownId?: number | undefined;
}

/** The fields of a chat that can be changed apart from its rounds. */
export interface ChatChanges {
  shownId?: number;
  pinnedIds?: number[];
  system?: string | undefined;
  tools?: readonly ToolDefinition[] | undefined;
}

export interface ArchiveOptions {
  /** When leftovers of a crash are looked for, in milliseconds. Default: once the page has opened its chat. */
  sweepAfterMs?: number;
  /** The database's name; "rondo" unless a test wants its own. */
  name?: string;
  /** Called when something could not be stored or read; not again for the same trouble until a write succeeds. */
  onWarning?: (trouble: StoreWarning) => void;
  /** Called when the list of chats changes, in this tab or another. */
  onChanged?: () => void;
}

export interface StoreWarning {
  reason: StoreErrorReason;
  /** What failed, and what to do. */
  message: string;
}

/** What is stored of a chat together with its rounds. */
export interface ChatHead {
  id: string;
  system: string | undefined;
  tools?: readonly ToolDefinition[] | undefined;
  /** The code whose chat it is, if it is not the user's. */
  owner?: string | undefined;
  /** The model in use; its name is empty if none is loaded. */
  model: { name: string; url: string };
  createdMs: number;
  /** For a new chat. Default: its first message, shortened. */
  title?: string | undefined;
  /** For a new chat: pinned rounds. Default: none. */
  pinnedIds?: number[] | undefined;
  /** All ids of rounds, deleted ones included, are below this. */
  nextId?: number | undefined;
}

export interface ArchivedChat {
  conversation: ConversationRecord;
  /** Of all branches: parents before their children, the system prompt's first if it was stored. */
  rounds: RoundRecord[];
  /** Ids of damaged rounds: they are included as far as their text can be read, and never overwritten. */
  damagedIds: readonly number[];
  /** Ids of rounds that can't be read at all. */
  unreadableIds: readonly number[];
}

export interface FoundSegment {
  payload: Uint8Array<ArrayBuffer>;
  elements: SegmentElements;
  /** What it was computed behind; undefined if the segment does not say. */
  origin: KvOrigin | undefined;
}

export interface ImportedChat {
  summary: ChatSummary;
  /** Halves of rounds in the file that were damaged or found no room: their KV is computed again. */
  leftOutSegments: number;
}

/** What the chats take on the disk. */
export type StorageSnapshot = Omit<
  StorageMemory,
  "modelBytes" | "queuedSegments" | "queuedBytes"
>;

/** The snapshot of an archive that holds nothing. */
export const NOTHING_STORED: StorageSnapshot = {
  chatCount: 0,
  segmentCount: 0,
  segmentBytes: 0,
  storedTokens: 0,
  droppedSegments: 0,
  isPersistent: undefined,
  usageBytes: undefined,
  quotaBytes: undefined,
};

/** Stands in where chats can't be stored: it stores nothing, and fails nothing that a turn needs. */
export class NoArchive implements Archive {
  readonly #why: StoreError;

  constructor(
    why = new StoreError("unavailable", "This page does not save chats."),
  ) {
    this.#why = why;
  }

  list = async () => [];
  search = async () => [];
  read = async () => undefined;
  saveRounds = async () => false;
  saveSegment = async () => false;
  readSegment = async () => "missing" as const;
  storedHalves = async () => new Map();
  saveUses = async () => undefined;
  readLearned = async () => undefined;
  saveLearned = async () => undefined;
  rename = () => Promise.reject(this.#why);
  change = async () => false;
  deleteRounds = async () => undefined;
  wipeKv = async () => undefined;
  readDocument = async () => undefined;
  saveDocument = async () => false;
  deleteDocument = async () => undefined;
  delete = async () => undefined;
  importChat = () => Promise.reject(this.#why);
  idle = async () => undefined;
  close = async () => undefined;

  async exportChat(chatId: string): Promise<never> {
    throw new RangeError(`There is no chat ${chatId}.`);
  }

  async storageSnapshot(): Promise<StorageSnapshot> {
    return { ...NOTHING_STORED };
  }
}
