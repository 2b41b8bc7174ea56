/**
 * The chats that clients without state have had: what was said in each, and which of them a conversation goes on
 * in (plan-chat.ts). Chats with an owner are found again after a reload.
 */
import type {
  ChatHistory,
  ChatStore,
  HistoryRound,
} from "../../engine/api/chats";
import {
  type Continuation,
  hasSameInstructions,
  type Conversed,
  isSameRound,
  type KnownChat,
  type KnownRound,
  planChat,
} from "./plan-chat";

export interface KnownChatsOptions {
  /** Whose chats they are (`ChatOptions.owner`). Undefined: the user's. */
  owner: string | undefined;
  /** Beyond so many the one that was not used for longest goes: an owner's is deleted. */
  mostChats: number;
}

/** Where a message goes: behind the last round of a branch, or at the beginning of the chat. */
export interface ChatPlace {
  chatId: string;
  branch: readonly KnownRound[];
}

export class KnownChats {
  readonly #engine: ChatStore;
  readonly #options: KnownChatsOptions;
  /** Last used last. */
  #chats: KnownChat[] = [];
  #finding: Promise<void> | undefined;

  constructor(engine: ChatStore, options: KnownChatsOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** Brings a chat to where these rounds, and no others, are before a message. One call at a time. */
  async placeFor(asked: Conversed): Promise<ChatPlace> {
    await (this.#finding ??= this.#find());
    const sharesSystem = this.#options.owner !== undefined;
    for (;;) {
      const plan = planChat(this.#chats, asked, { sharesSystem });
      if (plan === undefined) return this.#open(asked);
      const branch = await this.#goOn(plan, asked).catch(() => undefined);
      if (branch !== undefined) return this.#note(plan.chatId, branch, asked);
      // Somebody else deleted or changed the chat, or writes it in another tab.
      this.#forget(plan.chatId);
    }
  }

  /** Remembers what was said at a place. */
  noteReply({ chatId, branch }: ChatPlace, round: KnownRound): void {
    const chat = this.#chats.find(({ id }) => id === chatId);
    if (chat !== undefined) this.#note(chatId, [...branch, round], chat);
  }

  /** Deletes all of an owner's chats that this page may write; forgets the user's. */
  async clear(): Promise<void> {
    await (this.#finding ??= this.#find());
    const chats = this.#chats.splice(0);
    await Promise.all(chats.map(({ id }) => this.#release(id)));
  }

  async #open({ system, tools, rounds }: Conversed): Promise<ChatPlace> {
    const { owner, mostChats } = this.#options;
    const options = { system, tools, history: rounds, owner };
    const chatId = await this.#engine.createChat(options);
    const branch = answered(await this.#engine.openChat(chatId));
    const place = this.#note(chatId, branch, { system, tools });
    for (const { id } of this.#chats.splice(0, this.#chats.length - mostChats))
      void this.#release(id);
    return place;
  }

  /** @returns undefined if the chat is not what it was */
  async #goOn(
    { chatId, behind, added, before, copied, through }: Continuation,
    asked: Conversed,
  ): Promise<readonly KnownRound[] | undefined> {
    let history = await this.#engine.openChat(chatId);
    if (history.access !== "write") return undefined;
    if (through !== 0 && !history.rounds.some(({ id }) => id === through))
      history = await this.#engine.showVersion(chatId, through);
    if (added.length > 0 || before !== undefined)
      history = await this.#engine.addRounds(chatId, added, {
        place: { behind, before },
      });
    const shown = answered(history);
    const at = shown.findIndex(({ id }) => id === behind) + 1;
    const branch = shown.slice(0, at + added.length + copied);
    const { rounds } = asked;
    const isAsAsked =
      hasSameInstructions(history, asked) &&
      branch.length === rounds.length &&
      branch.every((round, i) => isSameRound(round, rounds[i]!));
    return isAsAsked ? branch : undefined;
  }

  #note(
    id: string,
    branch: readonly KnownRound[],
    { system, tools }: Pick<Conversed, "system" | "tools">,
  ): ChatPlace {
    const before = this.#chats.find((chat) => chat.id === id)?.branches ?? [];
    const isKnown = before.some((one) => isBeginning(branch, one));
    const others = before.filter((one) => !isBeginning(one, branch));
    const branches = isKnown ? before : [...others, branch];
    this.#forget(id);
    this.#chats.push({ id, system, tools, branches });
    return { chatId: id, branch };
  }

  #forget(chatId: string): void {
    this.#chats = this.#chats.filter(({ id }) => id !== chatId);
  }

  /** A chat that is gone already, or that can't be deleted now, does no harm. */
  async #release(chatId: string): Promise<void> {
    const isOwned = this.#options.owner !== undefined;
    const releasing = isOwned
      ? this.#engine.deleteChat(chatId)
      : this.#engine.leaveChat(chatId);
    await releasing.catch(() => undefined);
  }

  /** Finds an owner's chats of earlier pages. */
  async #find(): Promise<void> {
    const { owner } = this.#options;
    if (owner === undefined) return;
    const stored = await this.#engine.listChats({ owner }).catch(() => []);
    for (const { id } of stored.toReversed())
      await this.#read(id).catch(() => undefined);
  }

  /** Reads all branches of a chat: those that are not shown begin at other versions of what is. */
  async #read(chatId: string): Promise<void> {
    let history = await this.#engine.openChat(chatId);
    if (history.access !== "write") return this.#engine.leaveChat(chatId);
    const { system, tools } = history;
    const seen = new Set<number>();
    const toShow = new Set<number>();
    for (;;) {
      this.#note(chatId, answered(history), { system, tools });
      for (const { id, versions } of history.rounds) {
        seen.add(id);
        for (const version of versions) toShow.add(version);
      }
      const next = [...toShow].find((id) => !seen.has(id));
      if (next === undefined) return;
      seen.add(next);
      history = await this.#engine.showVersion(chatId, next);
    }
  }
}

/** The rounds that a model reads. */
function answered({ rounds }: ChatHistory): KnownRound[] {
  return rounds
    .filter(({ isFinished, reply }) => isFinished || reply !== "")
    .map(({ id, message, reply, calls, results }: HistoryRound) => ({
      id,
      message,
      reply,
      ...(calls && { calls }),
      ...(results && { results }),
    }));
}

function isBeginning(
  a: readonly KnownRound[],
  b: readonly KnownRound[],
): boolean {
  return a.length <= b.length && a.every(({ id }, i) => id === b[i]!.id);
}
