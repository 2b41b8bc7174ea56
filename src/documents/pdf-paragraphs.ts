/**
 * Joins lines into paragraphs. A PDF has only positions; from these we infer which line ends are real.
 *
 *     Prose goes on to the edge and is bro-   ← full: the next word did not fit, so the line end is not real
 *     ken there, wherever it happens to be.   ← full
 *     It ends early.                          ← not full: "The" had fitted, so a line was meant to end here
 *     The next one.
 *                                             ← a gap: a blank line
 *     Another paragraph.
 */
import type { Line } from "./pdf-lines";
import { directionOf, isRightToLeft, readingOrder } from "./text-direction";

/** A gap of more than this many usual distances between lines is one between paragraphs. */
const PARAGRAPH_GAP = 1.3;
/** The same for rows of a table, which are often further apart. */
const ROW_GAP = 2.5;
/** Lines whose heights differ by more than this factor are not one paragraph: one is a heading or a note. */
const HEIGHT_RATIO = 1.15;
/** Lines this many heights beside each other may still be one block: a brace, and the code above it. */
const SIDE_GAP = 5;
/** A first line is indented by at least this many heights. */
const INDENT = 0.8;
/** Blocks that begin within this many heights of each other may be of one column. */
const COLUMN_WIDTH = 4;
/**
 * A block with a smaller share of full lines is verse, addresses or code: all its line ends are real. The
 * edge is a block's own if enough of it reaches there, and that of the column otherwise, where paragraphs
 * of one line and lists count, too.
 */
const BLOCK_SHARE = 1 / 2;
const COLUMN_SHARE = 1 / 3;
/** A space's width, in heights of the text. */
const SPACE = 0.25;

const BULLET = /^(?:[•◦▪‣∙·*–—-]|\(?\d{1,3}[.)]|\(?[a-z]\))\s/;
const SOFT_HYPHEN = "\u00AD";
const HYPHEN = /[\p{L}\p{N}][-‐\u00AD]$/u;
/** Scripts without spaces between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
/** Ends of code lines; rare in prose, where a missed join does no harm. */
const STATEMENT_END = /[{};]$/;
const SENTENCE_END = /[.!?:;…。！？]["'”’»)\]]*$/;

/** The text of a page's lines: blank lines between paragraphs, and line ends only where real. */
export function textOfLines(lines: readonly Line[]): string {
  const isOrdered = !lines.some(({ text }) => isRightToLeft(text));
  const seen = blocksOf(lines);
  const blocks = isOrdered ? seen : seen.map(inReadingOrder);
  const edges = edgesOf(blocks);
  return blocks
    .map((block, i) => {
      const text = textOfBlock(block, edges[i]);
      const next = blocks[i + 1]?.[0];
      if (next === undefined) return text;
      return goesOnAbove(block.at(-1)!, next)
        ? joinable(text, next.text)
        : `${text}\n\n`;
    })
    .join("");
}

/** Runs of lines below each other at the usual distance. */
function blocksOf(lines: readonly Line[]): Line[][] {
  const pitch = usualPitch(lines);
  const blocks: Line[][] = [];
  lines.forEach((line, i) => {
    const above = lines[i - 1];
    const isNext = above !== undefined && isClose(above, line, pitch);
    if (isNext) blocks.at(-1)!.push(line);
    else blocks.push([line]);
  });
  return blocks.map(withoutStrayColumns);
}

/**
 * A block with the text of its lines as it is read. Lines from right to left are mirrored, so that they, too, begin
 * at their left and are full at their right.
 */
function inReadingOrder(block: Line[]): Line[] {
  const texts = block.map(({ text }) => text);
  const direction = directionOf(texts);
  return readingOrder(texts, direction).map((text, i) => {
    const { left, right } = block[i]!;
    return direction === "rtl"
      ? { ...block[i]!, text, left: -right, right: -left }
      : { ...block[i]!, text };
  });
}

/** The median distance between base lines of neighbours. */
function usualPitch(lines: readonly Line[]): number {
  const pitches = lines
    .slice(1)
    .map((line, i) => [lines[i]!, line] as const)
    .filter(([above, below]) => isBelow(above, below))
    .map(([above, below]) => above.base - below.base)
    .sort((a, b) => a - b);
  return pitches[pitches.length >> 1] ?? 0;
}

function isClose(above: Line, below: Line, pitch: number): boolean {
  const areRows = above.hasColumns && below.hasColumns;
  const gap = (areRows ? ROW_GAP : PARAGRAPH_GAP) * pitch;
  return isBelow(above, below) && above.base - below.base <= gap;
}

function isBelow(above: Line, below: Line): boolean {
  const side = SIDE_GAP * below.height;
  return (
    isOfOneSize(above, below) &&
    above.base > below.base &&
    below.left < above.right + side &&
    below.right > above.left - side
  );
}

function isOfOneSize(a: Line, b: Line): boolean {
  const ratio = a.height / b.height;
  return (
    a.angle === b.angle && ratio < HEIGHT_RATIO && ratio > 1 / HEIGHT_RATIO
  );
}

/** In a justified paragraph, a line of few words has gaps as wide as between columns. */
function withoutStrayColumns(block: Line[]): Line[] {
  const rowCount = block.filter(({ hasColumns }) => hasColumns).length;
  if (rowCount * 2 > block.length) return block;
  return block.map((line) => ({
    ...line,
    text: line.text.replaceAll("\t", " "),
    hasColumns: false,
  }));
}

/** The right edge of each block; undefined where all its line ends are real. */
function edgesOf(blocks: readonly Line[][]): (number | undefined)[] {
  const columns = new Map<string, Line[][]>();
  for (const block of blocks) {
    const { angle, height } = block[0]!;
    const left = Math.min(...block.map(({ left }) => left));
    const place = Math.round(left / (COLUMN_WIDTH * height));
    const key = [angle, Math.round(height), place].join();
    columns.set(key, [...(columns.get(key) ?? []), block]);
  }
  const ofBlock = new Map<Line[], number | undefined>();
  for (const column of columns.values()) {
    const shared = proseEdge(column, COLUMN_SHARE);
    for (const block of column)
      ofBlock.set(block, proseEdge([block], BLOCK_SHARE) ?? shared);
  }
  return blocks.map((block) => ofBlock.get(block));
}

/** Where the longest of all lines ends, if at least a share of them is full up to there. */
function proseEdge(
  blocks: readonly Line[][],
  share: number,
): number | undefined {
  const edge = Math.max(...blocks.flat().map(({ right }) => right));
  const isFullAt = blocks.flatMap((block) =>
    block.slice(1).map((next, i) => isFull(block[i]!, next, edge)),
  );
  const fullCount = isFullAt.filter(Boolean).length;
  return fullCount >= share * isFullAt.length ? edge : undefined;
}

function textOfBlock(block: readonly Line[], edge: number | undefined): string {
  return block
    .map((line, i) => {
      const next = block[i + 1];
      if (next === undefined) return line.text;
      const goesOn =
        edge !== undefined &&
        isFull(line, next, edge) &&
        !begins(next, line, block[i + 2]);
      return goesOn ? joinable(line.text, next.text) : `${line.text}\n`;
    })
    .join("");
}

/** Whether a line ends only because the next one's first word did not fit before the edge. */
function isFull(line: Line, next: Line, edge: number): boolean {
  if (line.hasColumns || next.hasColumns) return false;
  if (STATEMENT_END.test(line.text) || next.text.startsWith("}")) return false;
  if (HYPHEN.test(line.text)) return true;
  const { text } = next;
  const word = UNSPACED.test(text[0]!) ? text[0]! : /^\S+/.exec(text)![0];
  const width = ((next.right - next.left) * word.length) / text.length;
  return line.right + SPACE * line.height + width > edge;
}

/** Whether a line begins a paragraph: it has a bullet or number, or only it is indented. */
function begins(line: Line, above: Line, below: Line | undefined): boolean {
  const indent = INDENT * line.height;
  const isIndented =
    line.left > above.left + indent &&
    below !== undefined &&
    line.left > below.left + indent;
  return isIndented || BULLET.test(line.text);
}

/** Whether a sentence continues at the top of the next column. */
function goesOnAbove(line: Line, next: Line): boolean {
  return (
    isOfOneSize(line, next) &&
    next.base > line.base &&
    !line.hasColumns &&
    !SENTENCE_END.test(line.text) &&
    /^\p{Ll}/u.test(next.text)
  );
}

/** Prepares text for joining with `next`: rejoins a hyphenated word. */
function joinable(text: string, next: string): string {
  if (HYPHEN.test(text.slice(-2))) {
    const word = text.slice(text.lastIndexOf(" ") + 1, -1);
    // In "state-of-the-/art" and in "Anglo-/Saxon" the hyphen is the word's own.
    const isOwn = /[-‐]/.test(word) || !/^\p{Ll}/u.test(next);
    return isOwn && !text.endsWith(SOFT_HYPHEN) ? text : text.slice(0, -1);
  }
  const isUnspaced = UNSPACED.test(text.at(-1)!) && UNSPACED.test(next[0]!);
  return isUnspaced ? text : `${text} `;
}
