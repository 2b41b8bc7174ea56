/**
 * Reads Markdown that grows, or is long, at a price that does not grow with it. What has come before the last
 * blocks is settled: it is not read again. One read takes no more than a page can do between two paintings;
 * what is longer is read in several.
 *
 *     |  settled  |  open: may still become something else  |  to be read  |
 *                 └ #from                                   └ end
 *
 * Two things are less than exact in a text beyond `WHOLE`: a block that is longer than any is meant to be is cut
 * in two, and what a link's name stands for is known behind the place that says so.
 */
import type { Links } from "marked";
import { blocksOf, type MarkdownBlock } from "./markdown-blocks";

/** Characters of a text that is read as a whole once it has come to its end: a long reply. */
export const WHOLE = 32_768;
/** Characters that are taken in at a time. */
const PIECE = 8192;
/** Characters of a block, at most, which is open while it grows. */
const MOST_OPEN = 16_384;
/** Code is read quickly, and stays in one piece for its Copy button. */
const MOST_OPEN_CODE = 65_536;
/** So far may lie the ends of a formula, with blank lines between them. */
const FORMULA = 2100;

/** From block `at` on there are others now. */
export interface BlockChange {
  at: number;
  /** HTML of each; not safe to show. */
  blocks: string[];
}

export class MarkdownReader {
  /** What was read. */
  #text = "";
  /** Blocks that stay as they are, of those that are seen. */
  #settledCount = 0;
  /** Where the open blocks begin. */
  #from = 0;
  /** How the block begins that was cut at #from, if one was: its fence, or its table's head. */
  #carry = "";
  /** What settled blocks say of where names of links lead. */
  #links = noLinks();
  /** Whether the text goes on behind what was read. */
  isBehind = false;
  /** Characters that were read so far, those that were read again counted again. */
  readCharacters = 0;

  /**
   * Takes in more of a text: as much as one read may take. A text that does not begin as the one before did is
   * another one.
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

  /** Settles what is more than may stay open. */
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
      // The last one may go on behind the cut; where it is the only one, it is cut in two.
      settled.push(...this.#settle(isOne ? blocks : blocks.slice(0, last)));
      if (isOne) this.#carry = carryOf(blocks[last], this.#text[this.#from]);
      most = MOST_OPEN;
    }
    return settled;
  }

  /** Reads the rest, and settles of it what no more text can change. */
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
    // What is said first of a name holds.
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

/** Any name can be one of a link. */
function noLinks(): Links {
  return Object.create(null) as Links;
}

function htmlOf(blocks: readonly MarkdownBlock[]): string[] {
  return blocks.flatMap(({ html }) => html ?? []);
}

/**
 * The first block that more text may change. What a line is part of shows when it is whole: "2" is a paragraph,
 * "2. two" an item of the list before. So the last two blocks are open; those right above them, without a
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

/** What a block that is cut begins with in its second part. */
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
