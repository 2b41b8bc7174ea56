/**
 * The chats that this page has in hand: those it writes, and those it only reads because another tab
 * writes them. Each is text until a model binds it.
 */
import { HALVES } from "../memory/round";
import { newestBranch } from "../store/round-tree";
import type { SegmentSizes } from "../store/segment-uses";
import { ChatBusyError } from "../util/errors";
import type { Archive, ArchivedChat } from "./archive";
import { BoundChat, type ChatText, type RoundText } from "./chat";
import type { ChatHistory, ChatSummary } from "./chat-engine";
import type { ChatLocks } from "./chat-lock";
import { chatTitle } from "./chat-title";
import type { ChatRound, Conversation } from "./conversation";
import type { Session } from "./session";

interface OpenChat {
  access: ChatHistory["access"];
  /** As it was read; once bound, the bound chat says more. */
  text: ChatText;
  summary: ChatSummary;
  /** Where it stands with the loaded model. */
  bound: BoundChat | undefined;
}

export class Chats {
  readonly #archive: Archive;
  readonly #locks: ChatLocks;
  readonly #open = new Map<string, OpenChat>();

  constructor(archive: Archive, locks: ChatLocks) {
    this.#archive = archive;
    this.#locks = locks;
  }

  async create(system: string | undefined): Promise<string> {
    const id = crypto.randomUUID();
    const createdMs = Date.now();
    this.#open.set(id, {
      access: await this.#locks.tryHold(id),
      text: { id, system, createdMs, rounds: [] },
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
    if (known?.access === "write") return historyOf(known);
    const access = await this.#locks.tryHold(id);
    const archived = await this.#archive.read(id);
    if (!archived) {
      await this.#locks.release(id);
      throw noSuchChat(id);
    }
    const { summary, system, prefix, shownId } = archived;
    const rounds = prefix ? [prefix, ...archived.rounds] : archived.rounds;
    const { createdMs } = summary;
    const text = { id, system, createdMs, rounds, shownId };
    // What another tab wrote meanwhile is not what this one has on the GPU.
    const bound =
      known?.bound && isAsKept(known.bound, archived) ? known.bound : undefined;
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

/** @throws ChatBusyError */
function assertWritten({ access }: OpenChat): void {
  if (access === "read")
    throw new ChatBusyError(
      "This chat is open in another tab. Close it there to go on here.",
    );
}

function noSuchChat(id: string): RangeError {
  return new RangeError(`There is no chat ${id}.`);
}

function historyOf({ access, summary, text, bound }: OpenChat): ChatHistory {
  const { system, rounds, shownId } = bound?.text() ?? text;
  const said = rounds.filter(({ id }) => id !== 0);
  const title =
    summary.title || chatTitle(said[0]?.document ?? said[0]?.user ?? "");
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
      attended: round.attended && round.attended.filter((id) => id !== 0),
    })),
  };
}

/** Whether the kept rounds are the very ones that are bound. */
function isAsKept(bound: BoundChat, archived: ArchivedChat): boolean {
  const kept = archived.rounds.toSorted((a, b) => a.id - b.id);
  const rounds: ChatRound[] = bound.conversation.all.slice(1);
  return (
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
