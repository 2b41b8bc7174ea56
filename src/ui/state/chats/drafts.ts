/**
 * Text that the engine has not saved: drafts, and messages that were sent but perhaps not saved. Survives a reload in
 * sessionStorage, which tabs don't share. Where storage is not allowed, it lasts as long as the page.
 */
import * as v from "valibot";
import type { SentMessage } from "./history";

/** Each element of a page has its own key, and finds it again after a reload. */
const keyOf = (place: number) =>
  place === 1 ? "rondo.unsaid" : `rondo.unsaid ${place}`;

const takenPlaces = new Set<number>();

function takePlace(wanted = 1): number {
  let place = wanted;
  if (takenPlaces.has(place)) place = 1;
  while (takenPlaces.has(place)) place++;
  takenPlaces.add(place);
  return place;
}

export interface Unsaid {
  /** The engine's id of the chat, if it had one. */
  chatId: string | undefined;
  draft: string;
  sent: readonly SentMessage[];
}

const schema: v.GenericSchema<unknown, Unsaid[]> = v.array(
  v.pipe(
    v.object({
      chatId: v.optional(v.string()),
      draft: v.string(),
      sent: v.array(v.object({ message: v.string(), afterId: v.number() })),
    }),
    v.transform(({ chatId, ...rest }) => ({ chatId, ...rest })),
  ),
);

export class Drafts {
  #place = takePlace();
  #isReleased = false;
  /** From before the reload, and not taken yet. */
  #left = read(keyOf(this.#place));
  #written = "";

  /** Releases the key, with its content, to another element. */
  release(): void {
    this.#isReleased = true;
    takenPlaces.delete(this.#place);
  }

  /** Claims a key again. */
  claim(): void {
    if (!this.#isReleased) return;
    this.#isReleased = false;
    this.#place = takePlace(this.#place);
    this.#written = "";
  }

  /** Takes the text of this chat. */
  take(chatId: string): Unsaid | undefined {
    return this.#takeAll((left) => left.chatId === chatId)[0];
  }

  /** Takes the text of all chats without an id, or whose id `isGone`. */
  takeText(isGone: (chatId: string) => boolean): string {
    return this.#takeAll(({ chatId }) => chatId === undefined || isGone(chatId))
      .map(textOf)
      .join("\n\n");
  }

  /** Saves the text of these chats, and the text not taken yet. */
  save(unsaid: readonly Unsaid[]): void {
    const all = [...unsaid.filter((one) => textOf(one) !== ""), ...this.#left];
    const text = JSON.stringify(all);
    if (this.#isReleased || text === this.#written) return;
    this.#written = text;
    const key = keyOf(this.#place);
    try {
      if (all.length === 0) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch {
      // No storage, or no space: the text is still in its box.
    }
  }

  #takeAll(isWanted: (left: Unsaid) => boolean): Unsaid[] {
    const taken = this.#left.filter(isWanted);
    this.#left = this.#left.filter((left) => !taken.includes(left));
    return taken;
  }
}

/** As one draft: sent messages first. */
export function textOf({ draft, sent }: Unsaid): string {
  return joinedText([...sent.map(({ message }) => message), draft]);
}

/** Joins texts; blank ones are left out. */
export function joinedText(texts: readonly string[]): string {
  return texts.filter((text) => text.trim() !== "").join("\n\n");
}

function read(key: string): Unsaid[] {
  try {
    const text = sessionStorage.getItem(key);
    return text === null ? [] : v.parse(schema, JSON.parse(text));
  } catch {
    return [];
  }
}
