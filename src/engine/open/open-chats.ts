/**
 * The chats open in this tab: those it writes, and those it only reads because another tab writes them. A chat is
 * only text until a model binds it (bound-chat.ts). Text is on the disk before anything else is done with it.
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
import {
  type ChatRound,
  isSameText,
  newChatRound,
  setTokens,
} from "../chat/chat-round";
import { contentOf, damagedAmong, noteRecorded } from "../chat/context-hash";
import { Conversation } from "../chat/conversation";
import { type ChatFacts, historyOf, titleOf } from "../chat/history-view";
import { segmentName } from "../load/fingerprint";
import type { ChatLocks } from "./chat-lock";

export interface OpenChat extends ChatFacts {
  readonly conversation: Conversation;
  /** The chat bound to the loaded model; undefined until it is. */
  bound: BoundChat | undefined;
  /** How often it was opened: a leave only undoes the opens before it. */
  openings: number;
}

export class OpenChats {
  /** The chat that was last opened or worked on. */
  lastId: string | undefined;
  readonly #archive: Archive;
  readonly #text: TextWriter;
  readonly #locks: ChatLocks;
  readonly #open = new Map<string, OpenChat>();
  /** Changes to the text of one chat run one after the other. */
  readonly #changes = new KeyedQueue();

  constructor(archive: Archive, text: TextWriter, locks: ChatLocks) {
    this.#archive = archive;
    this.#text = text;
    this.#locks = locks;
  }

  async create({
    system,
    tools,
    history = [],
    owner,
  }: ChatOptions): Promise<string> {
    const id = crypto.randomUUID();
    const conversation = new Conversation({ id, system, tools, owner });
    conversation.add(...conversation.given(history, SYSTEM_ROUND));
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
   * Opens a chat for this tab to continue. A chat that this tab writes already is used as it is in memory; others
   * are read from the archive.
   *
   * @returns the chat's text, and the open chat with KV that this replaces, if any
   * @throws RangeError if there is no such chat; StoreError
   */
  async open(
    id: string,
  ): Promise<{ history: ChatHistory; replaced: OpenChat | undefined }> {
    const written = this.#enter(id);
    if (written) return { history: historyIn(written), replaced: undefined };
    const access = await this.#locks.tryHold(id);
    const archived = await this.#archive.read(id);
    // Another call at the same time may have opened it already.
    const meanwhile = this.#enter(id);
    if (meanwhile)
      return { history: historyIn(meanwhile), replaced: undefined };
    if (!archived) {
      await this.#locks.release(id);
      throw noSuchChat(id);
    }
    this.lastId = id;
    const before = this.#open.get(id);
    // KV on this tab's GPU does not match what another tab wrote meanwhile.
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

  /** The chat if this tab writes it; opens it if necessary. */
  #enter(id: string): OpenChat | undefined {
    const chat = this.#open.get(id);
    if (chat?.access !== "write") return undefined;
    this.lastId = id;
    chat.openings++;
    return chat;
  }

  /**
   * A chat bound to the loaded model; makes it the most recently used one.
   *
   * @throws RangeError if it is not open; ChatBusyError if another tab writes it
   */
  async bind(id: string, model: ReadingModel): Promise<BoundChat> {
    const chat = this.toWrite(id);
    this.lastId = id;
    if (chat.bound?.segmentFingerprint !== model.segmentFingerprint) {
      await checkTokens(chat.conversation);
      const bound = new BoundChat(chat.conversation, model);
      await this.#findKv(bound);
      chat.bound = bound;
    }
    return chat.bound;
  }

  /** @throws RangeError if there is no such chat; ChatBusyError if another tab writes it */
  toWrite(id: string): OpenChat {
    const chat = this.#open.get(id);
    if (!chat) throw noSuchChat(id);
    if (chat.access === "write") return chat;
    throw new ChatBusyError(
      "This chat is open in another tab. Close it there to continue here.",
    );
  }

  /**
   * Changes a chat's text: writes first, then updates memory. Changes of one chat run in FIFO order, and wait for
   * nothing else.
   *
   * @throws as `change` does; RangeError if there is no such chat; ChatBusyError if another tab writes it
   */
  change<T>(
    id: string,
    change: (chat: OpenChat, text: TextWriter) => Promise<T>,
  ): Promise<T> {
    return this.#changes.run(id, async () => {
      const chat = this.toWrite(id);
      keepTitle(chat);
      const result = await change(chat, this.#text);
      keepTitle(chat);
      return result;
    });
  }

  /** Updates the list's facts about an open chat. */
  note(id: string, changes: Partial<ChatSummary>): void {
    const chat = this.#open.get(id);
    if (chat) chat.summary = { ...chat.summary, ...changes };
  }

  /** @throws RangeError if it is not open */
  historyOf(id: string): ChatHistory {
    const chat = this.#open.get(id);
    if (chat) return historyIn(chat);
    throw noSuchChat(id);
  }

  /** The open chat, or else the stored one; undefined if there is none. @throws StoreError */
  async find(
    id: string,
  ): Promise<Pick<OpenChat, "conversation" | "bound" | "summary"> | undefined> {
    const open = this.#open.get(id);
    if (open) return open;
    const archived = await this.#archive.read(id);
    if (!archived) return undefined;
    const conversation = conversationOf(archived);
    await checkTokens(conversation);
    return { ...factsOf(archived), conversation, bound: undefined };
  }

  /** The open chat. */
  get(id: string): OpenChat | undefined {
    return this.#open.get(id);
  }

  get all(): OpenChat[] {
    return [...this.#open.values()];
  }

  /** Whether it is open and this tab writes it: the text of a chat that another tab writes may have changed. */
  isWritten(id: string): boolean {
    return this.#open.get(id)?.access === "write";
  }

  /**
   * Lets other tabs write a chat once `isDone` resolves, unless it is opened again meanwhile. What is known of it
   * stays in memory for that. A chat with unsaved text is not left: the other tabs would not see that text, and
   * it would be lost here.
   */
  async leave(id: string, isDone: () => Promise<void>): Promise<void> {
    const chat = this.#open.get(id);
    const openings = chat?.openings;
    await isDone();
    if (chat !== this.#open.get(id) || chat?.openings !== openings) return;
    if (chat && !(await this.#catchUp(chat))) return;
    if (chat !== this.#open.get(id) || chat?.openings !== openings) return;
    if (chat) chat.access = "read";
    await this.#locks.release(id);
  }

  #catchUp({ conversation }: OpenChat): Promise<boolean> {
    const { id } = conversation;
    return this.#changes.run(id, () => this.#text.catchUp(conversation));
  }

  leaveAll(): Promise<void> {
    return this.#locks.releaseAll();
  }

  /** @returns the chat that was open */
  async forget(id: string): Promise<OpenChat | undefined> {
    const chat = this.#open.get(id);
    if (this.lastId === id) this.lastId = undefined;
    this.#open.delete(id);
    await this.#locks.release(id);
    return chat;
  }

  /** Sets what is stored of each round's KV: its own segments, or those it shares. */
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

/** A chat that is kept is called as its record is, also once what was said first is deleted. */
function keepTitle(chat: OpenChat): void {
  const { conversation, summary } = chat;
  if (!conversation.all.some(({ saved }) => saved !== "nothing")) return;
  chat.summary = { ...summary, title: titleOf(conversation, summary.title) };
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
  const damaged = new Set(damagedIds);
  return new Conversation({
    ...conversation,
    rounds: rounds.map((round): ChatRound => {
      const isDamaged = damaged.has(round.id);
      const made = newChatRound(round, isDamaged ? "damaged" : "all");
      noteRecorded(made, round);
      return made;
    }),
  });
}

/**
 * Compares tokens with those that were written, before a model reads them: the disk may have damaged them. Those are
 * made from the text again.
 */
async function checkTokens({ all }: Conversation): Promise<void> {
  for (const round of await damagedAmong(all)) {
    setTokens(round, [], 0, "");
    round.attended = null;
  }
}

/** Takes over what another tab changed beside the rounds. */
function takeChanges(
  conversation: Conversation,
  { shownId, pinnedIds = [] }: ConversationRecord,
): void {
  conversation.pin(pinnedIds);
  conversation.show(shownId);
}

/** Whether the stored chat has the same rounds as the open one. */
function isAsKept(conversation: Conversation, archived: ArchivedChat): boolean {
  const kept = archived.rounds
    .filter(({ id }) => id !== SYSTEM_ROUND)
    .toSorted((a, b) => a.id - b.id);
  const rounds = conversation.all.filter(({ id }) => id !== SYSTEM_ROUND);
  return (
    conversation.system === archived.conversation.system &&
    JSON.stringify(conversation.tools) ===
      JSON.stringify(archived.conversation.tools) &&
    rounds.length === kept.length &&
    rounds.every((round, i) => {
      const other = kept[i]!;
      return (
        round.id === other.id &&
        round.parentId === other.parentId &&
        isSameText(round, other) &&
        round.isFinished === other.isFinished
      );
    })
  );
}

export function noSuchChat(id: string): RangeError {
  return new RangeError(`There is no chat ${id}.`);
}
