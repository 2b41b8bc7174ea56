/**
 * What the engine keeps of its chats, and asks of whatever keeps them: text always, KV as a cache. No
 * turn ever fails because of it. `StoredArchive` keeps chats in IndexedDB, `NoArchive` keeps none.
 */
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
  /** The one changed last first. @throws StoreError */
  list(): Promise<ChatSummary[]>;

  /** Chats in which all words of `query` were said. @throws StoreError; the signal's reason */
  search(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /** A chat as it was left; undefined where there is none. @throws StoreError */
  read(chatId: string): Promise<ArchivedChat | undefined>;

  /**
   * Adds or replaces rounds of a chat, all or none of them; the first ones make the chat. Text that
   * finds no room takes that of KV. What is given is copied at once: the caller goes on with it. Stored KV
   * stays if it is still of these tokens (and, the upper half, computed against the same rounds).
   *
   * @param changes of the chat itself that go with them
   * @returns whether they are kept; where not, `onTrouble` is told
   */
  saveRounds(
    chat: ChatHead,
    rounds: readonly RoundFields[],
    changes?: ChatChanges,
  ): Promise<boolean>;

  /**
   * Keeps half of a round's KV; the round itself was saved before. KV of other chats that was not used
   * for longest makes room.
   *
   * @param header its fingerprint is a `segmentName`
   * @param payload is read later: it must not change any more
   * @param origin what the KV was computed behind
   * @returns whether it is kept; where there is no room, `onTrouble` is told
   */
  saveSegment(
    chatId: string,
    roundId: number,
    header: SegmentHeader,
    payload: Uint8Array<ArrayBuffer>,
    origin: KvOrigin,
  ): Promise<boolean>;

  /**
   * Half of a round's KV as it was saved, if it is whole and what is expected. `dropped`: there was one,
   * but torn, damaged or of another model; it is deleted. Never rejects.
   */
  readSegment(
    chatId: string,
    roundId: number,
    expected: ExpectedSegment,
  ): Promise<FoundSegment | "missing" | "dropped">;

  /**
   * Which halves of which rounds are stored, and what is known of them. Whether they are of use,
   * `readSegment` says. Never rejects.
   */
  storedHalves(chatId: string): Promise<StoredHalves>;

  /** Writes down which segments were of use. Call it when there is time, such as after a turn. */
  saveUses(): Promise<void>;

  /** @throws StoreError, `missing` where there is no such chat */
  rename(chatId: string, title: string): Promise<void>;

  /**
   * Whose branch is shown, which rounds are pinned, or with which system prompt; with rounds that are others
   * by that. All of it or, where that fails, nothing.
   *
   * @returns false where the chat is not kept yet: that comes with its first rounds
   * @throws StoreError, `missing` where it was deleted
   */
  change(
    chat: ChatHead,
    changes: ChatChanges,
    rounds?: readonly RoundFields[],
  ): Promise<boolean>;

  /**
   * Takes rounds out of their chat: their children become their parents'. Unless `keepsKv`, no KV stays that
   * was computed with them in view. All of it or, where that fails, nothing.
   *
   * @throws StoreError
   */
  deleteRounds(
    chatId: string,
    roundIds: readonly number[],
    options?: { keepsKv?: boolean },
  ): Promise<void>;

  /** Forgets the stored KV of a chat, or of all chats and documents. @throws StoreError */
  wipeKv(chatId?: string): Promise<void>;

  /** A document as it was read once, for all chats; its KV is under the same id. Never rejects. */
  readDocument(id: string): Promise<RoundRecord | undefined>;

  /** Forgets a document and its KV. @throws StoreError */
  deleteDocument(id: string): Promise<void>;

  /** Keeps a document, so that its KV can be kept under the same id. */
  saveDocument(id: string, round: RoundFields): Promise<boolean>;

  /** Forgets a chat, whether it is there or not; what is still being saved of it goes too. @throws StoreError */
  delete(chatId: string): Promise<void>;

  /** A chat as a file. @throws RangeError where there is no such chat; StoreError */
  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob>;

  /**
   * Adds a chat from a file, under a new id.
   *
   * @throws ChatFileError, StoreError
   */
  importChat(file: Blob, options?: { withKv?: boolean }): Promise<ImportedChat>;

  /** Resolves when all that was to be saved of a chat so far is saved, or has failed. */
  idle(chatId: string): Promise<void>;

  /** By keys and sizes: no chat and no KV is read. @throws StoreError */
  storageSnapshot(): Promise<StorageSnapshot>;

  /** What was learned of the model at an address, as it was saved: unchecked. Never rejects. */
  readLearned(url: string): Promise<unknown>;

  /** Never rejects: it can be learned again. */
  saveLearned(url: string, learned: unknown): Promise<void>;

  /** Waits for what is being saved, then lets go of the store. */
  close(): Promise<void>;
}

/** What is changed of a chat apart from its rounds. */
export interface ChatChanges {
  shownId?: number;
  pinnedIds?: number[];
  system?: string | undefined;
}

export interface ArchiveOptions {
  /** The database's name; "rondo" unless a test wants its own. */
  name?: string;
  /** Told when something could not be kept or read; the same trouble is told once until a write succeeds. */
  onTrouble?: (trouble: StoreTrouble) => void;
  /** Told when the list of chats is another one, by this tab or another. */
  onChanged?: () => void;
}

export interface StoreTrouble {
  reason: StoreErrorReason;
  /** What was given up, and what to do. */
  message: string;
}

/** What is said of a chat when its rounds are saved. */
export interface ChatHead {
  id: string;
  system: string | undefined;
  /** The model it is held with; without a name where none is loaded. */
  model: { name: string; url: string };
  createdMs: number;
  /** For a new chat. Default: its first message, shortened. */
  title?: string | undefined;
  /** For a new chat: rounds that every turn attends to. Default: none. */
  pinnedIds?: number[] | undefined;
  /** No round has this id or a higher one, nor had one that is deleted. */
  nextId?: number | undefined;
}

export interface ArchivedChat {
  conversation: ConversationRecord;
  /** Of all branches: parents before their children; the system prompt's first, where it was saved. */
  rounds: RoundRecord[];
  /** Ids of rounds that are damaged: their text is here as far as it can be read. They are not written over. */
  damagedIds: readonly number[];
  /** Ids of rounds of which nothing can be read. */
  unreadableIds: readonly number[];
}

export interface FoundSegment {
  payload: Uint8Array<ArrayBuffer>;
  elements: SegmentElements;
  /** What it was computed behind; undefined where it does not say that itself. */
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

/** Of an archive that holds nothing. */
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

/** For where chats can't be kept: nothing is, and nothing fails that a turn needs. */
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
