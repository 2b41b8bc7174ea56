/**
 * The chats that are open in this tab: those it writes, and those it only reads because another tab writes them.
 * A chat is text until a model binds it (bound-chat.ts). What is said is on the disk before anything else is
 * done with it.
 */
import { newGeneration, type StoredKv } from "../../memory/half-kv";
import { SYSTEM_ROUND } from "../../memory/round";
import type { ConversationRecord } from "../../store/conversations";
import type { SegmentUse } from "../../store/segment-uses";
import { ChatBusyError } from "../../util/errors";
import { KeyedQueue } from "../../util/keyed-queue";
import { HALVES } from "../../util/kv-half";
import type { ChatHistory, ChatOptions, ChatSummary } from "../api/chats";
import type { Archive, ArchivedChat } from "../archive/archive";
import { asSummary, originOfUse } from "../archive/archive-records";
import type { TextWriter } from "../archive/text-writer";
import { BoundChat, type ReadingModel } from "../chat/bound-chat";
import { type ChatRound, newChatRound } from "../chat/chat-round";
import { contentOf } from "../chat/context-hash";
import { Conversation } from "../chat/conversation";
import { type ChatFacts, historyOf } from "../chat/history-view";
import { segmentName } from "../load/fingerprint";
import type { ChatLocks } from "./chat-lock";

export interface OpenChat extends ChatFacts {
  readonly conversation: Conversation;
  /** The chat as the loaded model reads it; undefined until one does. */
  bound: BoundChat | undefined;
  /** How often it was opened: who leaves it leaves only what was opened before. */
  openings: number;
}

export class OpenChats {
  /** The chat that was opened, or worked on, last. */
  lastId: string | undefined;
  readonly #archive: Archive;
  readonly #text: TextWriter;
  readonly #locks: ChatLocks;
  readonly #open = new Map<string, OpenChat>();
  /** Changes to the text of one chat go one after the other. */
  readonly #changes = new KeyedQueue();

  constructor(archive: Archive, text: TextWriter, locks: ChatLocks) {
    this.#archive = archive;
    this.#text = text;
    this.#locks = locks;
  }

  async create({ system, history = [] }: ChatOptions): Promise<string> {
    const id = crypto.randomUUID();
    const conversation = new Conversation({ id, system });
    conversation.add(
      ...history.map(({ message, reply }, i) =>
        newChatRound({
          id: i + 1,
          parentId: i,
          user: message,
          reply,
          isFinished: true,
        }),
      ),
    );
    const { createdMs } = conversation;
    this.lastId = id;
    this.#open.set(id, {
      conversation,
      access: await this.#locks.tryHold(id),
      summary: {
        id,
        title: "",
        createdMs,
        updatedMs: createdMs,
        modelName: "",
      },
      damagedRounds: 0,
      bound: undefined,
      openings: 1,
    });
    return id;
  }

  /**
   * A chat for this tab to go on with. One that this tab writes already is as it stands here; another is
   * read from the archive.
   *
   * @returns what was said; and the chat that takes the place of one that had KV, where it does
   * @throws RangeError where there is no such chat; StoreError
   */
  async open(
    id: string,
  ): Promise<{ history: ChatHistory; replaced: OpenChat | undefined }> {
    const written = this.#enter(id);
    if (written) return { history: historyIn(written), replaced: undefined };
    const access = await this.#locks.tryHold(id);
    const archived = await this.#archive.read(id);
    // Who has asked for it at the same time may have gone on with it.
    const meanwhile = this.#enter(id);
    if (meanwhile)
      return { history: historyIn(meanwhile), replaced: undefined };
    if (!archived) {
      await this.#locks.release(id);
      throw noSuchChat(id);
    }
    this.lastId = id;
    const before = this.#open.get(id);
    // What another tab wrote meanwhile is not what this one has on the GPU.
    const isSame = before && isAsKept(before.conversation, archived);
    const chat: OpenChat = {
      ...factsOf(archived),
      access,
      openings: (before?.openings ?? 0) + 1,
      conversation: isSame ? before.conversation : conversationOf(archived),
      bound: isSame ? before.bound : undefined,
    };
    if (isSame) takeChanges(before.conversation, archived.conversation);
    this.#open.set(id, chat);
    return { history: historyIn(chat), replaced: isSame ? undefined : before };
  }

  /** The chat where this tab writes it: opened once more. */
  #enter(id: string): OpenChat | undefined {
    const chat = this.#open.get(id);
    if (chat?.access !== "write") return undefined;
    this.lastId = id;
    chat.openings++;
    return chat;
  }

  /**
   * A chat in the tokens of the loaded model, as the most recently used one from now on.
   *
   * @throws RangeError where it is not open; ChatBusyError where another tab writes it
   */
  async bind(id: string, model: ReadingModel): Promise<BoundChat> {
    const chat = this.toWrite(id);
    this.lastId = id;
    if (chat.bound?.segmentFingerprint !== model.segmentFingerprint) {
      const bound = new BoundChat(chat.conversation, model);
      await this.#findKv(bound);
      chat.bound = bound;
    }
    return chat.bound;
  }

  /** @throws RangeError where there is no such chat; ChatBusyError where another tab writes it */
  toWrite(id: string): OpenChat {
    const chat = this.#open.get(id);
    if (!chat) throw noSuchChat(id);
    if (chat.access === "write") return chat;
    throw new ChatBusyError(
      "This chat is open in another tab. Close it there to continue here.",
    );
  }

  /**
   * Changes what was said in a chat: writes it down first, then has memory follow. Changes of one chat wait for
   * each other, and for nothing else.
   *
   * @throws as `change` does; RangeError where there is no such chat; ChatBusyError where another tab writes it
   */
  change<T>(
    id: string,
    change: (chat: OpenChat, text: TextWriter) => Promise<T>,
  ): Promise<T> {
    return this.#changes.run(id, async () => {
      return change(this.toWrite(id), this.#text);
    });
  }

  /** Notes what has become of a chat, as far as it is open. */
  note(id: string, changes: Partial<ChatSummary>): void {
    const chat = this.#open.get(id);
    if (chat) chat.summary = { ...chat.summary, ...changes };
  }

  /** @throws RangeError where it is not open */
  historyOf(id: string): ChatHistory {
    const chat = this.#open.get(id);
    if (chat) return historyIn(chat);
    throw noSuchChat(id);
  }

  /** A chat as it is open, or else as it is kept; undefined where there is none. @throws StoreError */
  async find(
    id: string,
  ): Promise<Pick<OpenChat, "conversation" | "bound" | "summary"> | undefined> {
    const open = this.#open.get(id);
    if (open) return open;
    const archived = await this.#archive.read(id);
    if (!archived) return undefined;
    return {
      ...factsOf(archived),
      conversation: conversationOf(archived),
      bound: undefined,
    };
  }

  /** The chat as it is open here. */
  get(id: string): OpenChat | undefined {
    return this.#open.get(id);
  }

  get all(): OpenChat[] {
    return [...this.#open.values()];
  }

  /** Whether it is open, and this tab writes it: what another one writes may be other text by now. */
  isWritten(id: string): boolean {
    return this.#open.get(id)?.access === "write";
  }

  /**
   * Leaves the writing of a chat to other tabs, once `isDone` resolves, unless it is opened again meanwhile.
   * What is known of it stays, for when it is opened again.
   */
  async leave(id: string, isDone: () => Promise<void>): Promise<void> {
    const chat = this.#open.get(id);
    const openings = chat?.openings;
    await isDone();
    if (chat !== this.#open.get(id) || chat?.openings !== openings) return;
    if (chat) chat.access = "read";
    await this.#locks.release(id);
  }

  leaveAll(): Promise<void> {
    return this.#locks.releaseAll();
  }

  /** @returns what was open */
  async forget(id: string): Promise<OpenChat | undefined> {
    const chat = this.#open.get(id);
    if (this.lastId === id) this.lastId = undefined;
    this.#open.delete(id);
    await this.#locks.release(id);
    return chat;
  }

  /** Notes what is stored of each round's KV: its own, or what it shares with another. */
  async #findKv({
    conversation,
    segmentFingerprint,
  }: BoundChat): Promise<void> {
    const { id, all } = conversation;
    const places = new Set(
      all.map(({ kvFrom }) => kvFrom?.conversationId ?? id),
    );
    places.add(id);
    const stored = new Map(
      await Promise.all(
        [...places].map(
          async (place) =>
            [place, await this.#archive.storedHalves(place)] as const,
        ),
      ),
    );
    const shared = new Map<string, StoredKv>();
    for (const round of all) {
      const name = segmentName(segmentFingerprint, await contentOf(round));
      for (const half of HALVES) {
        const find = (conversationId: string, roundId: number) => {
          const use = stored.get(conversationId)?.get(roundId)?.[half];
          if (!use || (use.fingerprint ?? name) !== name) return undefined;
          const key = `${conversationId} ${roundId} ${half}`;
          const known = shared.get(key) ?? storedKv(use);
          shared.set(key, known);
          return known;
        };
        const { kvFrom } = round;
        const own = find(id, round.id);
        const other =
          kvFrom && find(kvFrom.conversationId ?? id, kvFrom.roundId);
        const found = own ?? other;
        if (!found) continue;
        round[half].stored = found;
        round[half].place = own ? undefined : kvFrom;
      }
    }
  }
}

function storedKv(use: SegmentUse): StoredKv {
  const { bytes } = use;
  return { bytes, generation: newGeneration(), origin: originOfUse(use) };
}

function historyIn(chat: OpenChat): ChatHistory {
  return historyOf(chat.conversation, chat);
}

function factsOf({ conversation, damagedIds, unreadableIds }: ArchivedChat): {
  summary: ChatSummary;
  damagedRounds: number;
} {
  return {
    summary: asSummary(conversation),
    damagedRounds: damagedIds.length + unreadableIds.length,
  };
}

function conversationOf({
  conversation,
  rounds,
  damagedIds,
}: ArchivedChat): Conversation {
  return new Conversation({
    ...conversation,
    rounds: rounds.map((round): ChatRound => {
      const isDamaged = damagedIds.includes(round.id);
      return newChatRound(round, isDamaged ? "damaged" : "all");
    }),
  });
}

/** What another tab has changed of a chat without changing what was said in it. */
function takeChanges(
  conversation: Conversation,
  { shownId, pinnedIds = [] }: ConversationRecord,
): void {
  conversation.pin(pinnedIds);
  conversation.show(shownId);
}

/** Whether what is kept is the very chat that is open. */
function isAsKept(conversation: Conversation, archived: ArchivedChat): boolean {
  const kept = archived.rounds
    .filter(({ id }) => id !== SYSTEM_ROUND)
    .toSorted((a, b) => a.id - b.id);
  const rounds = conversation.all.filter(({ id }) => id !== SYSTEM_ROUND);
  return (
    conversation.system === archived.conversation.system &&
    rounds.length === kept.length &&
    rounds.every((round, i) => {
      const other = kept[i]!;
      return (
        round.id === other.id &&
        round.parentId === other.parentId &&
        round.user === other.user &&
        round.reply === other.reply &&
        round.isFinished === other.isFinished
      );
    })
  );
}

function noSuchChat(id: string): RangeError {
  return new RangeError(`There is no chat ${id}.`);
}
