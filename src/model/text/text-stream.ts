/**
 * Turns a reply's token ids into text as they come. A character that spans tokens is held back until
 * it is complete, and each token costs the same however long the reply: only the last few ids are
 * decoded again.
 *
 *     ids      … a  b │ c  d  e │ f  g          window: from one id of context (b) on, which makes
 *     shown    ───────┴─────────┘ held back     decoders treat c as inside a text: the first word's
 *                     b  c  d  e  f  g          leading space is dropped, the others' are kept
 */
import type { Tokenizer } from "./tokenizer";

/** U+FFFD: what a decoder writes for bytes that are not a character, or not yet. */
const REPLACEMENT = "\uFFFD";

/** With this many ids in a window, the bytes at its end will never become a character. */
const MAX_WINDOW_IDS = 32;
/** Enough to hold the last character's bytes, of which each id has at least one. */
const KEPT_IDS = 8;

export class TextStream {
  #window: number[] = [];
  /** Characters of the window's text that were already returned. */
  #shown = 0;

  readonly #tokenizer: Pick<Tokenizer, "decode" | "isText">;

  constructor(tokenizer: Pick<Tokenizer, "decode" | "isText">) {
    this.#tokenizer = tokenizer;
  }

  /** The text that this id completes; often "", and never part of a character. */
  push(id: number): string {
    if (!this.#tokenizer.isText(id)) return "";
    this.#window.push(id);
    const text = this.#tokenizer.decode(this.#window);
    // Only the end of a text can still become another character, and that end is one U+FFFD.
    const isOpen = text.endsWith(REPLACEMENT);
    const delta = this.#take(text, isOpen ? text.length - 1 : text.length);
    if (!isOpen) this.#restart(1, 0);
    else if (this.#window.length > MAX_WINDOW_IDS) this.#restart(KEPT_IDS, 1);
    return delta;
  }

  /** Returns what was held back; the stream can then take another reply. */
  end(): string {
    const text = this.#tokenizer.decode(this.#window);
    const delta = this.#take(text, text.length);
    this.#window = [];
    this.#shown = 0;
    return delta;
  }

  /** The window's text from what was returned up to `end`. */
  #take(text: string, end: number): string {
    const delta = text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return delta;
  }

  /** Keeps only the last ids as context, of whose text all but the end was returned. */
  #restart(keptIds: number, heldCharacters: number): void {
    this.#window = this.#window.slice(-keptIds);
    this.#shown = this.#tokenizer.decode(this.#window).length - heldCharacters;
  }
}
