/** Text search that ignores case and accents; a text matches if it contains all words. */

/** A match with the words around it. */
export interface Excerpt {
  before: string;
  found: string;
  after: string;
}

/** The most characters of context before and after a match. */
const BEFORE = 24;
const AFTER = 72;

/** Marks that are added to letters: accents, and the points of Hebrew and Arabic. */
const MARKS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/g;

/** The words of a query, as `hasWords` and `excerptOf` take them. */
export function wordsOf(query: string): string[] {
  return folded(query).split(/\s+/).filter(Boolean);
}

/** Whether all words are in the text. */
export function hasWords(text: string, words: readonly string[]): boolean {
  const searched = folded(text);
  return words.every((word) => searched.includes(word));
}

/** The text around the first of these words in it; undefined if it contains none. */
export function excerptOf(
  text: string,
  words: readonly string[],
): Excerpt | undefined {
  const searched = folded(text);
  const hits = words
    .map((word) => ({ word, at: searched.indexOf(word) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  const [first] = hits;
  if (first === undefined) return undefined;
  const [start, end] = unfolded(text, first.at, first.at + first.word.length);
  return {
    before: tailOf(plain(text.slice(Math.max(0, start - 4 * BEFORE), start))),
    found: text.slice(start, end),
    after: headOf(plain(text.slice(end, end + 4 * AFTER))),
  };
}

function folded(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(MARKS, "")
    .replaceAll("ς", "σ");
}

/** Where the range [start, end) of a text's folded form is in the text. */
function unfolded(
  text: string,
  start: number,
  end: number,
): [start: number, end: number] {
  let at = 0;
  let foldedAt = 0;
  let first: number | undefined;
  for (const character of text) {
    const length = folded(character).length;
    // Marks after the last letter belong to it.
    if (foldedAt >= end && length > 0) break;
    if (first === undefined && foldedAt + length > start) first = at;
    at += character.length;
    foldedAt += length;
  }
  return [first ?? at, at];
}

/** As one line, without the most common Markdown characters. */
function plain(text: string): string {
  return text
    .replace(/\*\*|`+|^\s*(#{1,6}|>|[-*])\s/gm, "")
    .replace(/\s+/g, " ");
}

/** The last words of a text. */
function tailOf(text: string): string {
  if (text.length <= BEFORE) return text.trimStart();
  const tail = text.slice(-BEFORE);
  return `…${tail.slice(tail.indexOf(" ") + 1)}`;
}

/** The first words of a text. */
function headOf(text: string): string {
  if (text.length <= AFTER) return text.trimEnd();
  const head = text.slice(0, AFTER);
  const lastSpace = head.lastIndexOf(" ");
  return `${lastSpace < 0 ? head : head.slice(0, lastSpace)}…`;
}
