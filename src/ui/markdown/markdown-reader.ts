/**
 * Parses growing or long Markdown incrementally. Blocks before the last ones are settled and not parsed again. One
 * read does at most one frame's work; longer text takes several.
 *
 *     |  settled  |  open: may still become something else  |  to be read  |
 *                 └ #from                                   └ end
 *
 * Two things are inexact in a text beyond `WHOLE`: an oversized block is cut in two, and a link definition holds only
 * after its place.
 */
import type { Links } from "marked";
import { blocksOf, type MarkdownBlock } from "./markdown-blocks";

/** Finished texts up to this many characters are parsed as a whole. */
export const WHOLE = 32_768;
/** Characters parsed at a time. */
const PIECE = 8192;
/** Maximum characters of an open block. */
const MOST_OPEN = 16_384;
/** Code is read quickly, and stays in one piece for its Copy button. */
const MOST_OPEN_CODE = 65_536;
/** Maximum characters of a formula that contains blank lines. */
const FORMULA = 2100;

/** Replaces all blocks from `at` on. */
export interface BlockChange {
  at: number;
  /** HTML of each; not safe to show. */
  blocks: string[];
}

export class MarkdownReader {
  /** The text parsed so far. */
  #text = "";
  /** Number of visible settled blocks. */
  #settledCount = 0;
  /** Where the open blocks begin. */
  #from = 0;
  /** What the block cut at #from begins with, if one was: its fence, or its table's head. */
  #carry = "";
  /** Link definitions in settled blocks. */
  #links = noLinks();
  /** Whether the text has an unread rest. */
  isBehind = false;
  /** Characters parsed so far, counting repeats. */
  readCharacters = 0;

  /**
   * Parses more of a text, as much as one read may. A text that does not continue the previous one starts over.
   *
   * @param isWhole whether no more of it will come
   */
  read(text: string, isWhole: boolean): BlockChange {
    const unix = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (isWhole && unix.length <= WHOLE) return this.#readAll(unix);
    if (!unix.startsWith(this.#text)) this.#begin();
    const end = wholeCharacters(unix, this.#text.length + PIECE);
    this.#text = unix.slice(0, end);
    this.isBehind = this.#text.length < unix.length;
    const at = this.#settledCount;
    return { at, blocks: [...this.#settleLong(), ...this.#readRest()] };
  }

  #readAll(text: string): BlockChange {
    this.#begin();
    this.#text = text;
    return { at: 0, blocks: htmlOf(this.#blocksOf(text)) };
  }

  #begin(): void {
    this.#text = this.#carry = "";
    this.#settledCount = this.#from = 0;
    this.#links = noLinks();
    this.isBehind = false;
  }

  /** Settles blocks beyond the maximum that may stay open. */
  #settleLong(): string[] {
    const settled: string[] = [];
    let most = MOST_OPEN;
    while (this.#text.length - this.#from > most) {
      const end = lineEnd(this.#text, this.#from, this.#from + most);
      const blocks = this.#blocksOf(this.#carried(end));
      const last = blocks.findLastIndex(({ html }) => html !== undefined);
      const isOne = htmlOf(blocks).length <= 1;
      if (isOne && blocks[last]?.type === "code" && most < MOST_OPEN_CODE) {
        most = MOST_OPEN_CODE;
        continue;
      }
      // The last block may continue after the cut; an only block is cut in two.
      settled.push(...this.#settle(isOne ? blocks : blocks.slice(0, last)));
      if (isOne) this.#carry = carryOf(blocks[last], this.#text[this.#from]);
      most = MOST_OPEN;
    }
    return settled;
  }

  /** Parses the rest, and settles the blocks that more text can't change. */
  #readRest(): string[] {
    const rest = this.#carried(this.#text.length);
    const blocks = this.#blocksOf(rest);
    const open = firstOpen(blocks, rest);
    return [
      ...this.#settle(blocks.slice(0, open)),
      ...htmlOf(blocks.slice(open)),
    ];
  }

  #settle(blocks: readonly MarkdownBlock[]): string[] {
    if (blocks.length === 0) return [];
    const length = blocks.reduce((sum, { raw }) => sum + raw.length, 0);
    this.#from += length - this.#carry.length;
    this.#carry = "";
    const settled = htmlOf(blocks);
    this.#settledCount += settled.length;
    // The first definition of a name wins.
    for (const [name, link] of blocks.flatMap(({ links }) =>
      Object.entries(links),
    ))
      this.#links[name] ??= link;
    return settled;
  }

  #carried(end: number): string {
    return this.#carry + this.#text.slice(this.#from, end);
  }

  #blocksOf(markdown: string): MarkdownBlock[] {
    this.readCharacters += markdown.length;
    return blocksOf(markdown, this.#links);
  }
}

/** Without a prototype: any name may be a link's. */
function noLinks(): Links {
  return Object.create(null) as Links;
}

function htmlOf(blocks: readonly MarkdownBlock[]): string[] {
  return blocks.flatMap(({ html }) => html ?? []);
}

/**
 * The first block that more text may change. A line's block is known only when the line is complete: "2" is a
 * paragraph, "2. two" an item of the list before. So the last two blocks are open; those right above them, without a
 * blank line between; and where a formula may have begun, all from there on.
 */
function firstOpen(blocks: readonly MarkdownBlock[], text: string): number {
  const starts: number[] = [];
  let end = 0;
  for (const { raw } of blocks) {
    starts.push(end);
    end += raw.length;
  }
  const seen = blocks.flatMap(({ html }, i) => (html === undefined ? [] : i));
  const tail = Math.max(0, text.length - FORMULA);
  const formula = text.slice(tail).search(/^ {0,3}(?:\$\$|\\\[)/m);
  const isSettledAbove = (start: number) =>
    text.endsWith("\n\n", start) && (formula < 0 || start <= tail + formula);
  let open = seen.at(-2) ?? 0;
  while (open > 0 && !isSettledAbove(starts[open]!)) open--;
  return open;
}

/** `most`, or one less where that is in the middle of a character. */
function wholeCharacters(text: string, most: number): number {
  const isCut = /[\uD800-\uDBFF]/.test(text[most - 1] ?? "");
  return isCut && most < text.length ? most - 1 : most;
}

/** The last place before `most` where a line ends, or else a word. */
function lineEnd(text: string, from: number, most: number): number {
  const part = text.slice(from, most);
  const length = part.lastIndexOf("\n") + 1 || part.lastIndexOf(" ") + 1;
  return length > 0 ? from + length : wholeCharacters(text, most);
}

/** The prefix of the second part of a cut block. */
function carryOf(block: MarkdownBlock | undefined, next = "\n"): string {
  const { type, raw } = block ?? { type: "", raw: "" };
  if (type === "table" && next !== "\n")
    return /^(?:[^\n]*\n){2}/.exec(raw)?.[0] ?? "";
  if (type !== "code") return "";
  const [line = "", fence = ""] =
    /^ {0,3}(`{3,}|~{3,})[^\n]*\n/.exec(raw) ?? [];
  const isClosed =
    fence !== "" && new RegExp(`\\n {0,3}${fence}\\s*$`).test(raw);
  return isClosed ? "" : line;
}
