/**
 * What was written and is not kept by the engine, so that it outlives the page: text in a box, and
 * messages that were sent and may not have arrived. It lies in the tab's own storage, where two tabs do
 * not get into each other's boxes. Where storage is not allowed, it lasts as long as the page.
 */
import * as v from "valibot";
import type { SentMessage } from "./history";

/** Each element of a page has a place of its own; in the next page, the elements find the same ones. */
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
  /** The engine's name for the chat, if it had one. */
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
  /** Of an earlier page, and not asked for yet. */
  #left = read(keyOf(this.#place));
  #written = "";

  /** Leaves the place, with what lies there, to another element. */
  release(): void {
    this.#isReleased = true;
    takenPlaces.delete(this.#place);
  }

  /** Takes a place again. */
  claim(): void {
    if (!this.#isReleased) return;
    this.#isReleased = false;
    this.#place = takePlace(this.#place);
    this.#written = "";
  }

  /** What was left in this chat. */
  take(chatId: string): Unsaid | undefined {
    return this.#takeAll((left) => left.chatId === chatId)[0];
  }

  /** All that was left in chats that had no name, or have one of those that `isGone` knows. */
  takeText(isGone: (chatId: string) => boolean): string {
    return this.#takeAll(({ chatId }) => chatId === undefined || isGone(chatId))
      .map(textOf)
      .join("\n\n");
  }

  /** Keeps what is unsaid in these chats, and what nobody has asked for. */
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
      // Not allowed, or no room: the text is still in its box.
    }
  }

  #takeAll(isWanted: (left: Unsaid) => boolean): Unsaid[] {
    const taken = this.#left.filter(isWanted);
    this.#left = this.#left.filter((left) => !taken.includes(left));
    return taken;
  }
}

/** As it would stand in a box: what was sent first. */
export function textOf({ draft, sent }: Unsaid): string {
  return joinedText([...sent.map(({ message }) => message), draft]);
}

/** Texts that were written apart as one, blank ones left out. */
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
