/** Stores chats in IndexedDB. Tabs with the same database tell each other when the list of chats changes. */
import type { KvOrigin } from "../../memory/half-kv";
import {
  decodeSegment,
  encodeSegment,
  type ExpectedSegment,
  type SegmentHeader,
} from "../../memory/segment";
import { Conversations } from "../../store/conversations";
import { Database, type SegmentKey } from "../../store/database";
import { siteRoom } from "../../store/disk-space";
import { idAfter } from "../../store/foreign";
import { Meta } from "../../store/meta";
import { type RoundRecord, Rounds, withoutKv } from "../../store/rounds";
import type { StoredHalves } from "../../store/segment-uses";
import { Segments } from "../../store/segments";
import { asStoreError } from "../../store/store-error";
import {
  type Archive,
  type ArchivedChat,
  type ArchiveOptions,
  type ChatChanges,
  type ChatHead,
  type DeleteRoundsOptions,
  type FoundSegment,
  type ImportedChat,
  NoArchive,
  type StorageSnapshot,
} from "./archive";
import {
  asChatFile,
  asConversation,
  asRoundRecord,
  asSummary,
  copyOfRound,
  noteContexts,
  originOfUse,
  type RoundCopy,
} from "./archive-records";
import type { ChatHit, ChatSummary, SearchOptions } from "../api/chats";
import type { RoundFields } from "../chat/chat-round";
import { lazyPart } from "../../util/lazy-part";
import { findChats } from "./chat-search";
import { WriteQueue } from "./write-queue";
import { StoreWarnings } from "./store-warnings";

const readChatFile = lazyPart(
  async () => (await import("./chat-file")).readChatFile,
);
const writeChatFile = lazyPart(
  async () => (await import("./chat-file")).writeChatFile,
);

/** What the user loses when KV can't be stored or read. */
const COMPUTED_AGAIN =
  "No text is lost: the memory is computed again when it is needed.";
/** When a page that was opened looks for leftovers. */
const SWEEP_AFTER_MS = 10_000;
/** Messages between tabs. */
const CHANGED = "chats-changed";

/**
 * Opens this page's archive; if chats can't be stored, one that stores nothing, after calling `onWarning`. Never
 * rejects.
 */
export async function openArchive(
  options: ArchiveOptions = {},
): Promise<Archive> {
  try {
    return await IndexedDbArchive.open(options);
  } catch (error) {
    const why = asStoreError(error, "open the chats");
    new StoreWarnings(options.onWarning).warn(
      why,
      "Until then no chat is saved.",
    );
    return new NoArchive(why);
  }
}

export class IndexedDbArchive implements Archive {
  readonly #database: Database;
  readonly #conversations: Conversations;
  readonly #rounds: Rounds;
  readonly #segments: Segments;
  readonly #meta: Meta;
  readonly #writes: WriteQueue;
  readonly #warnings: StoreWarnings;
  readonly #channel: BroadcastChannel;
  readonly #onChanged: () => void;
  readonly #sweeping: ReturnType<typeof setTimeout>;
  #droppedSegments = 0;

  private constructor(
    database: Database,
    warnings: StoreWarnings,
    {
      name = "rondo",
      onChanged = () => undefined,
      sweepAfterMs = SWEEP_AFTER_MS,
    }: ArchiveOptions,
  ) {
    this.#database = database;
    this.#warnings = warnings;
    this.#conversations = new Conversations(database);
    this.#rounds = new Rounds(database);
    this.#segments = new Segments(database);
    this.#meta = new Meta(database);
    this.#writes = new WriteQueue(database, this.#segments, warnings);
    this.#onChanged = onChanged;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => {
      if (data === CHANGED) onChanged();
    };
    // Leftovers of a crash take up room, and do no other harm: chats are opened first.
    this.#sweeping = setTimeout(
      () => void this.#segments.sweep().catch(() => undefined),
      sweepAfterMs,
    );
  }

  /** @throws StoreError */
  static async open(options: ArchiveOptions = {}): Promise<IndexedDbArchive> {
    const warnings = new StoreWarnings(options.onWarning);
    const database = await Database.open({
      ...(options.name !== undefined && { name: options.name }),
      onClosed: (error) => warnings.warn(error),
    });
    return new IndexedDbArchive(database, warnings, options);
  }

  async list(owner?: string): Promise<ChatSummary[]> {
    const { records } = await this.#conversations.list(owner);
    return records.map(asSummary);
  }

  async search(query: string, options?: SearchOptions): Promise<ChatHit[]> {
    const { records } = await this.#conversations.list();
    const ids = records.map(({ id }) => id);
    const textsOf = (id: string) => this.#rounds.texts(id);
    return findChats(query, ids, textsOf, options);
  }

  async read(chatId: string): Promise<ArchivedChat | undefined> {
    await this.idle(chatId);
    const conversation = await this.#conversations.get(chatId);
    if (conversation === undefined) return undefined;
    this.#writes.know(chatId);
    const found = await this.#rounds.list(chatId);
    const { records: rounds, damagedIds, unreadableIds } = found;
    // A round that can't be read still has its id.
    const nextId = Math.max(
      conversation.nextId ?? 0,
      idAfter([...rounds.map(({ id }) => id), ...unreadableIds]),
    );
    return {
      conversation: { ...conversation, nextId },
      rounds,
      damagedIds,
      unreadableIds,
    };
  }

  saveRounds(
    chat: ChatHead,
    rounds: readonly RoundFields[],
    changes?: ChatChanges,
  ): Promise<boolean> {
    const copies = rounds.map(copyOfRound);
    return this.#writes.attempt(chat.id, async () => {
      const { isNew } = await this.#putRounds(chat, copies, changes);
      // While a reply streams, nothing changes in the list that is worth reading it again.
      if (isNew || copies.every(({ isFinished }) => isFinished))
        this.#announce();
      return true;
    });
  }

  saveSegment(
    chatId: string,
    roundId: number,
    header: SegmentHeader,
    payload: Uint8Array<ArrayBuffer>,
    { context, isExact }: KvOrigin,
  ): Promise<boolean> {
    const { half, fingerprint, tokens } = header;
    return this.#writes.attempt(
      chatId,
      () => {
        const blob = new Blob(encodeSegment(header, payload));
        return this.#writes.putSegment({
          conversationId: chatId,
          roundId,
          half,
          blob,
          bytes: blob.size,
          tokens,
          fingerprint,
          kvContext: context,
          isExact,
        });
      },
      COMPUTED_AGAIN,
    );
  }

  async readSegment(
    chatId: string,
    roundId: number,
    expected: ExpectedSegment,
  ): Promise<FoundSegment | "missing" | "dropped"> {
    const key: SegmentKey = [chatId, roundId, expected.half];
    try {
      const read = await this.#segments.read(key, expected.fingerprint);
      if (read === "missing") return read;
      if (read !== "dropped") {
        const segment = decodeSegment(read.bytes, expected);
        if ("payload" in segment)
          return {
            payload: segment.payload,
            elements: segment.header.elements,
            origin: originOfUse(read),
          };
        await this.#segments.delete(key);
      }
      this.#droppedSegments++;
      return "dropped";
    } catch (error) {
      this.#warnings.warn(error, COMPUTED_AGAIN);
      return "missing";
    }
  }

  async storedHalves(chatId: string): Promise<StoredHalves> {
    try {
      return await this.#segments.uses.ofChat(chatId);
    } catch (error) {
      this.#warnings.warn(error, COMPUTED_AGAIN);
      return new Map();
    }
  }

  async saveUses(): Promise<void> {
    // If this fails, other segments are evicted first later on: not worth a warning.
    await this.#segments.uses.save().catch(() => undefined);
  }

  async rename(chatId: string, title: string): Promise<void> {
    await this.#writes.inTurn(chatId, () =>
      this.#conversations.change(chatId, { title, updatedMs: Date.now() }),
    );
    this.#announce();
  }

  change(
    chat: ChatHead,
    changes: ChatChanges,
    rounds: readonly RoundFields[] = [],
  ): Promise<boolean> {
    const copies = rounds.map(copyOfRound);
    return this.#writes.inTurn(chat.id, async () => {
      if (!this.#writes.isKnown(chat.id)) return false;
      if (copies.length === 0) {
        await this.#conversations.change(chat.id, changes);
      } else {
        await this.#putRounds(chat, copies, changes);
        this.#announce();
      }
      return true;
    });
  }

  deleteRounds(
    chatId: string,
    roundIds: readonly number[],
    options?: DeleteRoundsOptions,
  ): Promise<void> {
    return this.#writes.inTurn(chatId, () =>
      this.#rounds.delete(chatId, roundIds, options),
    );
  }

  async wipeKv(chatId?: string): Promise<void> {
    const ids = chatId === undefined ? await this.#rounds.chatIds() : [chatId];
    for (const id of ids)
      await this.#writes.inTurn(id, () => this.#rounds.forgetKv(id));
  }

  async readDocument(id: string): Promise<RoundRecord | undefined> {
    try {
      const { records } = await this.#rounds.list(id);
      return records.find(({ document }) => document);
    } catch (error) {
      this.#warnings.warn(error, COMPUTED_AGAIN);
      return undefined;
    }
  }

  deleteDocument(id: string): Promise<void> {
    return this.#writes.inTurn(id, () => this.#conversations.delete(id));
  }

  saveDocument(id: string, round: RoundFields): Promise<boolean> {
    const copy = copyOfRound(round);
    return this.#writes.attempt(id, async () => {
      await this.#rounds.put(await asRoundRecord(id, copy, Date.now()));
      return true;
    });
  }

  async delete(chatId: string): Promise<void> {
    await this.#writes.delete(chatId, () => this.#conversations.delete(chatId));
    this.#announce();
  }

  async exportChat(
    chatId: string,
    { withKv = false }: { withKv?: boolean } = {},
  ): Promise<Blob> {
    await this.idle(chatId);
    const conversation = await this.#conversations.get(chatId);
    if (conversation === undefined)
      throw new RangeError(`There is no chat ${chatId}.`);
    const { records } = await this.#rounds.list(chatId);
    return writeChatFile(
      asChatFile(conversation, records, withKv),
      withKv ? this.#segments.ofChat(chatId) : [],
    );
  }

  async importChat(
    file: Blob,
    { withKv = false }: { withKv?: boolean } = {},
  ): Promise<ImportedChat> {
    const { chat, segments } = await readChatFile(file);
    const id: string = crypto.randomUUID();
    const records = await Promise.all(
      chat.rounds.map((round) =>
        asRoundRecord(
          id,
          { ...(withKv ? round : withoutKv(round)), isFromFile: true },
          round.createdMs,
        ),
      ),
    );
    await noteContexts(records);
    const model = { name: chat.modelName, url: "" };
    const pinnedIds = chat.pinnedIds?.filter((pinned) =>
      records.some((round) => round.id === pinned && pinned !== 0),
    );
    const head = { ...chat, id, system: chat.system, model, pinnedIds };
    const conversation = asConversation(head, records, Date.now());
    await this.#writes.putRounds(conversation, records);
    const lengths = new Map(records.map((one) => [one.id, one.tokens.length]));
    let leftOutSegments = 0;
    for await (const read of withKv ? segments() : []) {
      const ours = read
        .filter((segment) => segment !== "damaged")
        .map((segment) => {
          const tokens = lengths.get(segment.roundId);
          return { ...segment, conversationId: id, tokens };
        });
      let kept = 0;
      await this.#writes.attempt(
        id,
        async () => {
          kept = await this.#writes.putSegments(id, ours);
          return kept > 0;
        },
        COMPUTED_AGAIN,
      );
      leftOutSegments += read.length - kept;
    }
    this.#announce();
    return { summary: asSummary(conversation), leftOutSegments };
  }

  idle(chatId: string): Promise<void> {
    return this.#writes.idle(chatId);
  }

  async storageSnapshot(): Promise<StorageSnapshot> {
    const [chatCount, segments, room] = await Promise.all([
      this.#conversations.count(),
      this.#segments.totals(),
      siteRoom(),
    ]);
    return {
      chatCount,
      segmentCount: segments.count,
      segmentBytes: segments.bytes,
      storedTokens: segments.tokens,
      droppedSegments: this.#droppedSegments,
      ...room,
    };
  }

  async readLearned(url: string): Promise<unknown> {
    return this.#meta.get(`learned ${url}`).catch(() => undefined);
  }

  async saveLearned(url: string, learned: unknown): Promise<void> {
    await this.#meta.put(`learned ${url}`, learned).catch(() => undefined);
  }

  async close(): Promise<void> {
    clearTimeout(this.#sweeping);
    await this.#writes.allIdle();
    await this.saveUses();
    this.#warnings.stop();
    this.#channel.close();
    this.#database.close();
  }

  async #putRounds(
    chat: ChatHead,
    rounds: readonly RoundCopy[],
    changes?: ChatChanges,
  ): Promise<{ isNew: boolean }> {
    const nowMs = Date.now();
    const records = await Promise.all(
      rounds.map((round) => asRoundRecord(chat.id, round, nowMs)),
    );
    const conversation = asConversation(chat, records, nowMs);
    return {
      isNew: await this.#writes.putRounds(conversation, records, changes),
    };
  }

  #announce(): void {
    this.#channel.postMessage(CHANGED);
    this.#onChanged();
  }
}
