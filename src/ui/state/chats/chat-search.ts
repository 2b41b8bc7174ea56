/**
 * What is searched for among the chats. Titles are found at once; what was said, the engine looks through
 * as soon as nothing is typed for a moment.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import { type Excerpt, hasWords, wordsOf } from "../../../util/text-search";
import type { Conversation } from "./conversation";

/** So few are seen at a glance. */
const FEW_CHATS = 5;
const TYPING_MS = 150;

export interface SearchHost {
  engine(): ChatEngine | undefined;
  /** Something to draw has changed. */
  changed(): void;
}

export interface SearchState {
  query: string;
  /** Whether more may still be found. */
  isSearching: boolean;
  /** Whether there are enough chats to search among. */
  isOffered: boolean;
}

export class ChatSearch {
  readonly #host: SearchHost;
  #query = "";
  #words: readonly string[] = [];
  /** Where the words were said, by the engine's names of the chats. */
  #excerpts: ReadonlyMap<string, Excerpt> = new Map();
  #running: AbortController | undefined;

  constructor(host: SearchHost) {
    this.#host = host;
  }

  /** Searches for this from now on; for nothing, where there is no word in it. */
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

  /** Those of the chats that are found; all, where nothing is searched for. */
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

  /** What was found before stays until then: mostly it is found again. */
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
      // Given up for another, or the chats cannot be read, which is said elsewhere: the titles remain.
      if (signal.aborted) return;
      this.#excerpts = new Map();
    }
    this.#running = undefined;
    this.#host.changed();
  }
}
