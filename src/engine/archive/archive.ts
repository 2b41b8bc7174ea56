/**
 * What the engine keeps of its chats, and asks of whatever keeps them: text always, KV as a cache. No
 * turn ever fails because of it. `StoredArchive` keeps chats in IndexedDB, `NoArchive` keeps none.
 */
import type {
  ExpectedSegment,
  SegmentElements,
  SegmentHeader,
} from "../../memory/segment";
import type { KvPlace } from "../../store/rounds";
import type { SegmentSizes } from "../../store/segment-uses";
import { StoreError, type StoreErrorReason } from "../../util/errors";
import type { ChatHit, ChatSummary, SearchOptions } from "../api/chats";
import type { StorageMemory } from "../api/memory-snapshot";

export interface Archive {
  /** The one changed last first. @throws StoreError */
  list(): Promise<ChatSummary[]>;

  /** Chats in which all words of `query` were said. @throws StoreError; the signal's reason */
  search(query: string, options?: SearchOptions): Promise<ChatHit[]>;

  /** A chat as it was left; undefined where there is none. @throws StoreError */
  read(chatId: string): Promise<ArchivedChat | undefined>;

  /**
   * Adds or replaces rounds of a chat, all or none of them; the first ones make the chat. Text that
   * finds no room takes that of KV. What is given is copied at once: the caller goes on with it. KV that
   * is stored stays if it is still of these tokens (and, the upper half, computed against the same
   * rounds).
   *
   * @returns whether they are kept; where not, `onTrouble` is told
   */
  saveRounds(chat: ChatHead, rounds: readonly RoundToKeep[]): Promise<boolean>;

  /**
   * Keeps half of a round's KV; the round itself was saved before. KV of other chats that was not used
   * for longest makes room.
   *
   * @param header its fingerprint is a `segmentName`
   * @param payload is read later: it must not change any more
   * @returns whether it is kept; where there is no room, `onTrouble` is told
   */
  saveSegment(
    chatId: string,
    roundId: number,
    header: SegmentHeader,
    payload: Uint8Array<ArrayBuffer>,
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
   * Which halves of which rounds are stored, and their bytes. Whether they are of use, `readSegment`
   * says. Never rejects.
   */
  segmentKeys(chatId: string): Promise<SegmentSizes>;

  /** Writes down which segments were of use. Call it when there is time, such as after a turn. */
  saveUses(): Promise<void>;

  /** @throws StoreError, `missing` where there is no such chat */
  rename(chatId: string, title: string): Promise<void>;

  /**
   * Whose branch is shown, which rounds are pinned, or with which system prompt.
   *
   * @returns false where the chat is not kept yet: that comes with its first rounds
   * @throws StoreError, `missing` where it was deleted
   */
  change(chatId: string, changes: ChatChanges): Promise<boolean>;

  /**
   * Takes a round out of its chat: its children become its parent's. Unless `keepsKv`, no KV stays that was
   * computed with the round in view.
   *
   * @throws StoreError
   */
  deleteRound(
    chatId: string,
    roundId: number,
    options?: { keepsKv?: boolean },
  ): Promise<void>;

  /** Forgets the stored KV of a chat, or of all chats and documents. @throws StoreError */
  wipeKv(chatId?: string): Promise<void>;

  /** A document as it was read once, for all chats; its KV is under the same id. Never rejects. */
  readDocument(id: string): Promise<ArchivedRound | undefined>;

  /** Forgets a document and its KV. @throws StoreError */
  deleteDocument(id: string): Promise<void>;

  /** Keeps a document, so that its KV can be kept under the same id. */
  saveDocument(id: string, round: RoundToKeep): Promise<boolean>;

  /** Forgets a chat, whether it is there or not; what is still being saved of it goes too. @throws StoreError */
  delete(chatId: string): Promise<void>;

  /** A chat as a file. @throws RangeError where there is no such chat; StoreError */
  exportChat(chatId: string, options?: { withKv?: boolean }): Promise<Blob>;

  /** Adds a chat from a file, under a new id. @throws ChatFileError, StoreError */
  importChat(file: Blob): Promise<ImportedChat>;

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
  /** The model it is held with. */
  model: { name: string; url: string };
  createdMs: number;
  /** For a new chat. Default: its first message, shortened. */
  title?: string | undefined;
  /** For a new chat: rounds that every turn attends to. Default: none. */
  pinnedIds?: number[] | undefined;
}

/**
 * A round as it is saved. Round 0 is the system prompt's: its user and reply are empty. Give it together
 * with the first message: a chat begins with that.
 */
export interface RoundToKeep {
  id: number;
  /** The round before; null for the first of all. */
  parentId: number | null;
  user: string;
  /** As far as it came. */
  reply: string;
  /** False while the reply is still coming. */
  isFinished: boolean;
  /** As far as they are known; never other than those that its stored KV is of. */
  tokens: ArrayLike<number>;
  /** The first so many of them are the message's. */
  openTokens: number;
  /** The model's, of tokenizer and template. */
  textFingerprint: string;
  /** The rounds whose upper halves its own was computed against; null: all before it. */
  attended: readonly number[] | null;
  pageDigest?: Float32Array | undefined;
  /** What its KV was computed with (context-hash.ts); undefined where that is not known. */
  kvContext?: string | undefined;
  /** Whether some of that was not exact. */
  isApproximate?: boolean | undefined;
  /** Where its KV is, while it has none of its own. */
  kvFrom?: KvPlace | undefined;
  /** The name of the document that it is. */
  document?: string | undefined;
}

/** A round as it is handed out. */
export interface ArchivedRound extends RoundToKeep {
  tokens: Uint32Array;
  attended: number[] | null;
  /** SHA-256 of its tokens, for `segmentName`. */
  contentHash: string;
}

export interface ArchivedChat {
  summary: ChatSummary;
  system: string | undefined;
  model: { name: string; url: string };
  /** The system prompt's round, where it was saved. */
  prefix: ArchivedRound | undefined;
  /** All others, of all branches: parents before their children. */
  rounds: ArchivedRound[];
  /** The round whose branch is shown; undefined: the newest. */
  shownId: number | undefined;
  /** Rounds that every turn attends to. */
  pinnedIds: number[];
  /** Records of rounds that can't be read. What was computed behind them had them in view. */
  lostRounds: number;
}

export interface FoundSegment {
  payload: Uint8Array<ArrayBuffer>;
  elements: SegmentElements;
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
    why = new StoreError("unavailable", "Chats are not kept in this page."),
  ) {
    this.#why = why;
  }

  list = async () => [];
  search = async () => [];
  read = async () => undefined;
  saveRounds = async () => false;
  saveSegment = async () => false;
  readSegment = async () => "missing" as const;
  segmentKeys = async () => new Map();
  saveUses = async () => undefined;
  readLearned = async () => undefined;
  saveLearned = async () => undefined;
  rename = () => Promise.reject(this.#why);
  change = async () => false;
  deleteRound = async () => undefined;
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
