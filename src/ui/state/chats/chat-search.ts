/**
 * Search among the chats. Titles match at once; the engine searches messages once typing pauses.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import { type Excerpt, hasWords, wordsOf } from "../../../util/text-search";
import type { Conversation } from "./conversation";

/** With more chats than this, search is offered. */
const FEW_CHATS = 5;
const TYPING_MS = 150;

export interface SearchHost {
  engine(): ChatEngine | undefined;
  /** Something to draw has changed. */
  changed(): void;
}

export interface SearchState {
  query: string;
  /** Whether the engine is still searching. */
  isSearching: boolean;
  /** Whether there are enough chats to search among. */
  isOffered: boolean;
}

export class ChatSearch {
  readonly #host: SearchHost;
  #query = "";
  #words: readonly string[] = [];
  /** Excerpts of hits, by chat id. */
  #excerpts: ReadonlyMap<string, Excerpt> = new Map();
  #running: AbortController | undefined;

  constructor(host: SearchHost) {
    this.#host = host;
  }

  /** Sets the query; a blank one ends the search. */
  ask(query: string): void {
    this.#query = query;
    this.#words = wordsOf(query);
    this.#running?.abort();
    this.#running = undefined;
    if (this.#words.length === 0) this.#excerpts = new Map();
    else void this.#searchSaid(query);
    this.#host.changed();
  }

  /** @param chatCount how many there are in all */
  state(chatCount: number): SearchState {
    return {
      query: this.#query,
      isSearching: this.#running !== undefined,
      isOffered: chatCount > FEW_CHATS || this.#query !== "",
    };
  }

  /** The chats that match; all, without a query. */
  among(chats: readonly Conversation[]): readonly Conversation[] {
    if (this.#words.length === 0) return chats;
    return chats.filter(
      (chat) =>
        hasWords(chat.title, this.#words) || this.excerptOf(chat) !== undefined,
    );
  }

  excerptOf({ chatId }: Conversation): Excerpt | undefined {
    return chatId === undefined ? undefined : this.#excerpts.get(chatId);
  }

  /** Previous hits stay until new ones arrive: mostly they match again. */
  async #searchSaid(query: string): Promise<void> {
    const running = new AbortController();
    const { signal } = running;
    this.#running = running;
    try {
      await new Promise((resolve) => setTimeout(resolve, TYPING_MS));
      if (signal.aborted) return;
      const hits = await this.#host.engine()?.searchChats(query, { signal });
      if (signal.aborted) return;
      this.#excerpts = new Map(
        hits?.map(({ chatId, excerpt }) => [chatId, excerpt]),
      );
    } catch {
      // Superseded, or the chats can't be read, which is reported elsewhere: title matches remain.
      if (signal.aborted) return;
      this.#excerpts = new Map();
    }
    this.#running = undefined;
    this.#host.changed();
  }
}
