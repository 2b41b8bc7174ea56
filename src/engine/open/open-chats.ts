/**
 * The chats that this page has in hand: those it writes, and those it only reads because another tab
 * writes them. Each is text until a model binds it.
 */
import { HALVES } from "../../util/kv-half";
import { newestBranch } from "../../store/round-tree";
import type { SegmentSizes } from "../../store/segment-uses";
import { ChatBusyError } from "../../util/errors";
import type { Archive, ArchivedChat } from "../archive/archive";
import { BoundChat, type ChatText, type RoundText } from "../chat/bound-chat";
import type {
  ChatHistory,
  ChatOptions,
  ChatSummary,
  SaidRound,
} from "../api/chats";
import type { ChatLocks } from "./chat-lock";
import { chatTitle } from "../chat/chat-title";
import type { ChatRound, Conversation } from "../chat/conversation";
import type { Session } from "../load/loaded-model";

interface OpenChat {
  access: ChatHistory["access"];
  /** As it was read; once bound, the bound chat says more. */
  text: ChatText;
  summary: ChatSummary;
  /** Where it stands with the loaded model. */
  bound: BoundChat | undefined;
}

/** A chat as it is known without opening it. */
export interface FoundChat {
  /** Empty where nobody named it. */
  title: string;
  text: ChatText;
  /** With the model that has bound it; it says more than the text. */
  bound: BoundChat | undefined;
}

export class Chats {
  /** The chat that was opened, or worked on, last. */
  lastId: string | undefined;
  readonly #archive: Archive;
  readonly #locks: ChatLocks;
  readonly #open = new Map<string, OpenChat>();

  constructor(archive: Archive, locks: ChatLocks) {
    this.#archive = archive;
    this.#locks = locks;
  }

  async create({ system, history = [] }: ChatOptions): Promise<string> {
    const id = crypto.randomUUID();
    const createdMs = Date.now();
    this.lastId = id;
    this.#open.set(id, {
      access: await this.#locks.tryHold(id),
      text: {
        id,
        system,
        createdMs,
        rounds: history.map(givenRound),
        lastGivenId: history.length,
      },
      summary: {
        id,
        title: "",
        createdMs,
        updatedMs: createdMs,
        modelName: "",
      },
      bound: undefined,
    });
    return id;
  }

  /**
   * What was said in a chat. One that this tab writes already is as it stands here; another is read from
   * the archive.
   *
   * @throws RangeError where there is no such chat; StoreError
   */
  async open(id: string): Promise<ChatHistory> {
    const known = this.#open.get(id);
    if (known?.access === "write") {
      this.lastId = id;
      return historyOf(known);
    }
    const access = await this.#locks.tryHold(id);
    const archived = await this.#archive.read(id);
    // Who has asked for it at the same time may have gone on with it.
    const now = this.#open.get(id);
    if (now?.access === "write") {
      this.lastId = id;
      return historyOf(now);
    }
    if (!archived) {
      await this.#locks.release(id);
      throw noSuchChat(id);
    }
    this.lastId = id;
    const { summary } = archived;
    const text = textOf(archived);
    // What another tab wrote meanwhile is not what this one has on the GPU.
    const bound =
      now?.bound && isAsKept(now.bound, archived) ? now.bound : undefined;
    bound?.conversation.pin(text.pinnedIds ?? []);
    const chat = { access, text, summary, bound };
    this.#open.set(id, chat);
    return historyOf(chat);
  }

  /**
   * A chat in the tokens of the loaded model, as the most recently used one from now on.
   *
   * @throws RangeError where it is not open; ChatBusyError where another tab writes it
   */
  async bind(id: string, { model }: Session): Promise<BoundChat> {
    const chat = this.#open.get(id);
    if (!chat) throw noSuchChat(id);
    assertWritten(chat);
    this.lastId = id;
    if (chat.bound?.segmentFingerprint !== model.segmentFingerprint) {
      const text = chat.bound?.text() ?? chat.text;
      chat.bound = new BoundChat(text, model);
      await this.#findKv(chat.bound.conversation);
    }
    return chat.bound;
  }

  /**
   * Shows the branch through a round that was gone on with last.
   *
   * @throws RangeError where there is no such chat or round; ChatBusyError; StoreError
   */
  async show(id: string, roundId: number): Promise<ChatHistory> {
    const chat = this.#open.get(id);
    if (!chat) throw noSuchChat(id);
    assertWritten(chat);
    const rounds = chat.bound?.conversation.all ?? chat.text.rounds;
    if (!rounds.some((round) => round.id === roundId))
      throw new RangeError(`There is no round ${roundId} in this chat.`);
    chat.bound?.conversation.show(roundId);
    chat.text = { ...chat.text, shownId: roundId };
    await this.#archive.change(id, { shownId: roundId });
    return historyOf(chat);
  }

  /**
   * Has every turn attend to a round, or no more.
   *
   * @throws RangeError where there is no such chat or round; ChatBusyError; StoreError
   */
  async pin(id: string, roundId: number, isPinned: boolean): Promise<void> {
    const chat = this.#open.get(id);
    if (!chat) throw noSuchChat(id);
    assertWritten(chat);
    const { rounds, pinnedIds = [] } = chat.bound?.text() ?? chat.text;
    // The system prompt's is attended to anyway.
    if (roundId === 0 || !rounds.some((round) => round.id === roundId))
      throw new RangeError(`There is no round ${roundId} in this chat.`);
    const others = pinnedIds.filter((one) => one !== roundId);
    const now = isPinned ? [...others, roundId] : others;
    chat.text = { ...chat.text, pinnedIds: now };
    chat.bound?.conversation.pin(now);
    await this.#archive.change(id, { pinnedIds: now });
  }

  /**
   * Forgets what is known of the KV of a chat, or of all, as far as it is not bound.
   *
   * @returns what is bound of them
   * @throws RangeError where there is no such chat; ChatBusyError; StoreError
   */
  async forgetKv(id: string | undefined): Promise<BoundChat[]> {
    const known = id === undefined ? undefined : this.#open.get(id);
    if (known) assertWritten(known);
    else if (id !== undefined && !(await this.#archive.read(id)))
      throw noSuchChat(id);
    const open = known ? [known] : id === undefined ? this.#open.values() : [];
    const bound: BoundChat[] = [];
    for (const chat of open) {
      chat.text = { ...chat.text, rounds: chat.text.rounds.map(withoutKv) };
      if (chat.bound) bound.push(chat.bound);
    }
    return bound;
  }

  /** @throws RangeError where there is no such chat or round; StoreError */
  async assertRound(id: string, roundId: number): Promise<void> {
    const found = await this.find(id);
    if (!found) throw noSuchChat(id);
    const rounds: readonly { id: number }[] =
      found.bound?.conversation.all ?? found.text.rounds;
    if (!rounds.some((round) => round.id === roundId))
      throw new RangeError(`There is no round ${roundId} in this chat.`);
  }

  /** A chat as it is in hand, or else as it is kept; undefined where there is none. @throws StoreError */
  async find(id: string): Promise<FoundChat | undefined> {
    const open = this.#open.get(id);
    if (open)
      return { title: open.summary.title, text: open.text, bound: open.bound };
    const archived = await this.#archive.read(id);
    if (!archived) return undefined;
    const { title } = archived.summary;
    return { title, text: textOf(archived), bound: undefined };
  }

  /** Notes what is stored of each round's KV, its own or another's. */
  async #findKv({ id, all }: Conversation): Promise<void> {
    const known = new Map<string, SegmentSizes>();
    for (const round of all) {
      const chatId = round.kvFrom?.conversationId ?? id;
      const roundId = round.kvFrom?.roundId ?? round.id;
      const sizes =
        known.get(chatId) ?? (await this.#archive.segmentKeys(chatId));
      known.set(chatId, sizes);
      for (const half of HALVES)
        round[half].storedBytes = sizes.get(roundId)?.[half] ?? 0;
    }
  }

  /** The chat if it is here and bound. */
  bound(id: string): BoundChat | undefined {
    return this.#open.get(id)?.bound;
  }

  /** Whether it is here, and this tab writes it: what another one writes may be other text by now. */
  isWritten(id: string): boolean {
    return this.#open.get(id)?.access === "write";
  }

  /** Leaves the writing of a chat to other tabs. What is known of it stays, for when it is opened again. */
  async leave(id: string): Promise<void> {
    const chat = this.#open.get(id);
    if (chat) chat.access = "read";
    await this.#locks.release(id);
  }

  leaveAll(): Promise<void> {
    return this.#locks.releaseAll();
  }

  /** @returns what it had bound */
  async forget(id: string): Promise<BoundChat | undefined> {
    const bound = this.bound(id);
    if (this.lastId === id) this.lastId = undefined;
    this.#open.delete(id);
    await this.#locks.release(id);
    return bound;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** For when the pools are gone. */
  forgetPages(): void {
    for (const { bound } of this.#open.values()) bound?.forgetPages();
  }
}

/** A round of what was said elsewhere, which no model has read: ids count from 1. */
function givenRound({ message, reply }: SaidRound, i: number): RoundText {
  return {
    id: i + 1,
    parentId: i,
    user: message,
    reply,
    isFinished: true,
    tokens: [],
    openTokens: 0,
    textFingerprint: "",
    attended: null,
  };
}

/** @throws ChatBusyError */
function assertWritten({ access }: OpenChat): void {
  if (access === "read")
    throw new ChatBusyError(
      "This chat is open in another tab. Close it there to go on here.",
    );
}

function textOf({
  summary: { id, createdMs },
  system,
  prefix,
  rounds,
  shownId,
  pinnedIds,
}: ArchivedChat): ChatText {
  return {
    id,
    system,
    createdMs,
    rounds: prefix ? [prefix, ...rounds] : rounds,
    shownId,
    pinnedIds,
  };
}

/** A round of whose KV nothing is known. */
function withoutKv(round: RoundText): RoundText {
  return {
    ...round,
    pageDigest: undefined,
    kvContext: undefined,
    isApproximate: undefined,
    kvFrom: undefined,
  };
}

function noSuchChat(id: string): RangeError {
  return new RangeError(`There is no chat ${id}.`);
}

function historyOf({ access, summary, text, bound }: OpenChat): ChatHistory {
  const { system, rounds, shownId, pinnedIds } = bound?.text() ?? text;
  const said = rounds.filter(({ id }) => id !== 0);
  const first = said.find(({ user }) => user !== "");
  const title =
    summary.title || chatTitle(first?.document ?? first?.user ?? "");
  const versionsOf = ({ id, parentId, document }: RoundText) =>
    said
      .filter((one) =>
        document !== undefined || one.document !== undefined
          ? one.id === id
          : one.parentId === parentId,
      )
      .map((one) => one.id);
  return {
    summary: { ...summary, title },
    system,
    access,
    rounds: newestBranch(said, shownId).map((round) => ({
      id: round.id,
      versions: versionsOf(round),
      document: round.document,
      message: round.user,
      reply: round.reply,
      isFinished: round.isFinished,
      ...(pinnedIds?.includes(round.id) && { isPinned: true }),
      attended: round.attended && round.attended.filter((id) => id !== 0),
    })),
  };
}

/** Whether what is kept is the very chat that is bound. */
function isAsKept(bound: BoundChat, archived: ArchivedChat): boolean {
  const kept = archived.rounds.toSorted((a, b) => a.id - b.id);
  const rounds: ChatRound[] = bound.conversation.all.slice(1);
  return (
    bound.conversation.system === archived.system &&
    rounds.length === kept.length &&
    rounds.every(({ id, tokens }, i) => {
      const other = kept[i]!;
      return (
        id === other.id &&
        tokens.length === other.tokens.length &&
        tokens.every((token, at) => token === other.tokens[at])
      );
    })
  );
}
