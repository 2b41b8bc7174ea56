/**
 * The order of characters in lines that have Hebrew, Arabic or another script from right to left. Pages have them as
 * they are seen, from left to right; texts have them as they are read:
 *
 *     seen   ‭%12 םולש Rondo chat‬      read   ‭Rondo chat שלום 12%‬ in a line from left to right
 *                                             ‭שלום 12% Rondo chat‬ in one from right to left
 *
 * What is read determines what is seen (the Unicode Bidirectional Algorithm, UAX #9), and nearly the other way round:
 * runs of one direction are turned around in both. Explicit marks of direction are not known on a page, so they are
 * not considered.
 */

export type Direction = "ltr" | "rtl";

/** Which way a character goes, as far as lines need it. A tab stands between columns, and always goes as its line. */
type Kind = "left" | "right" | "number" | "neutral" | "tab";

const SCRIPTS = ["Hebrew", "Arabic", "Syriac", "Thaana", "Nko", "Adlam"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const RIGHT = new RegExp(`(?=\\p{L})[${SCRIPTS}]`, "u");
const RIGHTS = new RegExp(RIGHT, "gu");
const ARABIC = /(?=\p{L})\p{Script=Arabic}/u;
const LETTERS = /\p{L}/gu;
const DIGIT = /\p{Nd}/u;
/** Between two digits, they are part of a number; the second ones not where Arabic is written. */
const SEPARATOR = /[.,:/\u00A0\u066B\u066C]/;
const SIGN = /[+-]/;
/** Beside a number they are part of it, but not where Arabic is written. */
const UNIT = /[#%°\p{Sc}‰±]/u;
const BRACKETS = "()[]{}«»‹›";
const WORD_WITH_LEADING_MARK = /(?<![\p{L}\p{M}])\p{M}/u;
const MARKS_BEFORE_LETTER = /(\p{M}+)(\p{L})/gu;

export function isRightToLeft(text: string): boolean {
  return RIGHT.test(text);
}

/** The direction of lines that belong together: that of most of their letters. */
export function directionOf(texts: readonly string[]): Direction {
  let excess = 0;
  for (const text of texts) {
    const rights = text.match(RIGHTS)?.length ?? 0;
    excess += 2 * rights - (text.match(LETTERS)?.length ?? 0);
  }
  return excess > 0 ? "rtl" : "ltr";
}

/**
 * Turns what is seen of a line into what is read, or back.
 *
 * @param direction the line's
 */
export function reordered(text: string, direction: Direction): string {
  const characters = Array.from(text);
  const levels = levelsOf(characters, direction);
  for (let level = 2; level >= 1; level--) {
    for (let start = 0; start < characters.length; start++) {
      let end = start;
      while (end < characters.length && levels[end]! >= level) end++;
      reverse(characters, start, end);
      start = end;
    }
  }
  return characters.join("");
}

/**
 * What is read of lines that belong together. Most files name brackets as they look; in a run from right to left the
 * one that looks like an opening one closes. Some name what they mean. Whichever makes more pairs is taken.
 *
 * @param seen the lines, from left to right
 */
export function readingOrder(
  seen: readonly string[],
  direction: Direction,
): string[] {
  const asNamed = seen.map((text) => reordered(text, direction));
  const asSeen = seen.map((text) =>
    reordered(withMirroredBrackets(text, direction), direction),
  );
  const named = asNamed.join("\n");
  const read = pairs(named) > pairs(asSeen.join("\n")) ? asNamed : asSeen;
  return WORD_WITH_LEADING_MARK.test(named)
    ? read.map((text) => text.replace(MARKS_BEFORE_LETTER, "$2$1"))
    : read;
}

/** Odd levels go from right to left. */
function levelsOf(
  characters: readonly string[],
  direction: Direction,
): number[] {
  const base = direction === "rtl" ? 1 : 0;
  return kindsOf(characters, direction).map((kind) => {
    if (kind === "tab" || kind === "neutral") return base;
    if (kind === "right") return 1;
    return kind === "left" ? 2 * base : 2;
  });
}

function kindsOf(characters: readonly string[], direction: Direction): Kind[] {
  const kinds = characters.map(kindOf);
  joinNumbers(characters, kinds);
  const base = direction === "rtl" ? "right" : "left";
  let strong: Kind = base;
  // A number behind a word from left to right goes with it.
  kinds.forEach((kind, i) => {
    if (kind === "number" && strong === "left") kinds[i] = "left";
    else if (kind === "left" || kind === "right") strong = kind;
    else if (kind === "tab") strong = base;
  });
  // What stands between two of one direction has it, too.
  for (let start = 0; start < kinds.length; start++) {
    if (kinds[start] !== "neutral") continue;
    let end = start;
    while (kinds[end] === "neutral") end++;
    const before = sideOf(kinds[start - 1], base);
    if (before === sideOf(kinds[end], base)) kinds.fill(before, start, end);
    start = end;
  }
  return kinds;
}

function kindOf(character: string): Kind {
  if (character === "\t") return "tab";
  if (RIGHT.test(character)) return "right";
  if (DIGIT.test(character)) return "number";
  return /\p{L}/u.test(character) ? "left" : "neutral";
}

function joinNumbers(characters: readonly string[], kinds: Kind[]): void {
  const isArabic = characters.some((character) => ARABIC.test(character));
  const isNumber = (i: number) => kinds[i] === "number";
  characters.forEach((character, i) => {
    const isBetween =
      SEPARATOR.test(character) || (!isArabic && SIGN.test(character));
    if (isBetween && isNumber(i - 1) && isNumber(i + 1)) kinds[i] = "number";
  });
  if (isArabic) return;
  const join = (i: number, neighbour: number) => {
    if (UNIT.test(characters[i]!) && isNumber(neighbour)) kinds[i] = "number";
  };
  for (let i = 1; i < kinds.length; i++) join(i, i - 1);
  for (let i = kinds.length - 2; i >= 0; i--) join(i, i + 1);
}

/** On which side of a neutral character its neighbour is: numbers count as written among right-to-left letters. */
function sideOf(kind: Kind | undefined, base: "left" | "right") {
  if (kind === undefined || kind === "tab") return base;
  return kind === "left" ? "left" : "right";
}

function withMirroredBrackets(text: string, direction: Direction): string {
  const characters = Array.from(text);
  const levels = levelsOf(characters, direction);
  return characters
    .map((character, i) => {
      const at = BRACKETS.indexOf(character);
      return at >= 0 && levels[i]! % 2 === 1 ? BRACKETS[at ^ 1]! : character;
    })
    .join("");
}

/** How many opening brackets are closed by their own kind. */
function pairs(text: string): number {
  const open: number[] = [];
  let count = 0;
  for (const character of text) {
    const at = BRACKETS.indexOf(character);
    if (at < 0) continue;
    if (at % 2 === 0) open.push(at);
    else if (open.at(-1) === at - 1) {
      open.pop();
      count++;
    }
  }
  return count;
}

function reverse(characters: string[], start: number, end: number): void {
  for (let a = start, b = end - 1; a < b; a++, b--)
    [characters[a], characters[b]] = [characters[b]!, characters[a]!];
}
