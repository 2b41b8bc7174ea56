/**
 * Formulas in Markdown, as models write them: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on their own.
 * Here they are only found: each becomes a marked `<code>` with its source until math-nodes.ts converts it. Dollars
 * in code are left alone.
 *
 * A dollar is usually a price. It opens a formula only where no letter or digit precedes it and no space or
 * punctuation follows, and closes one only where no space precedes it and no letter or digit follows. An amount with
 * words behind it is none.
 */
import type {
  MarkedExtension,
  Token,
  TokenizerAndRendererExtension,
} from "marked";

/** Maximum characters of a formula; longer ones stay text. */
const LONGEST = 2000;

const INLINE = [
  new RegExp(String.raw`^\$\$((?:\\[^]|[^\\$]){1,${LONGEST}})\$\$`),
  new RegExp(
    String.raw`^\$(?![\s,.;:!?)])((?:\\[^\n]|[^\\$\n]){1,${LONGEST}})(?<!\s)\$(?!\w)`,
  ),
  new RegExp(String.raw`^\\\(([^]{1,${LONGEST}}?)\\\)`),
  new RegExp(String.raw`^\\\[([^]{1,${LONGEST}}?)\\\]`),
];

const BLOCK = [
  new RegExp(
    String.raw`^ {0,3}\$\$((?:\\[^]|[^\\$]){1,${LONGEST}})\$\$[ \t]*(?:\n|$)`,
  ),
  new RegExp(String.raw`^ {0,3}\\\[([^]{1,${LONGEST}}?)\\\][ \t]*(?:\n|$)`),
];

/** "$5 in US$": an amount, then at least one word that is no command of TeX. */
const PRICE = /^\$\d[\d.,\s]*(?:[^\\{^_]*[\s(])?\p{L}{2,}[^\\{^_]*\$$/u;
const ENDS_IN_WORD = /[a-z\p{Nd}]$/iu;

/** Class of the element that holds a formula's source. */
const LANGUAGE = "language-math";

/** For marked. */
export function mathExtension(
  escape: (text: string) => string,
): MarkedExtension {
  const code = (raw: string) =>
    `<code class="${LANGUAGE}">${escape(raw.trim())}</code>`;
  const inline: TokenizerAndRendererExtension = {
    name: "formula",
    level: "inline",
    // marked stops at each backslash. This is asked at every stop: one character is found fastest.
    start: (src) => firstOf(src, ["$"]),
    tokenizer: (src, tokens) =>
      isOfPrice(src, tokens) ? undefined : tokenOf("formula", src, INLINE),
    renderer: ({ raw }) => code(raw),
  };
  const block: TokenizerAndRendererExtension = {
    name: "display",
    level: "block",
    start: (src) => firstOf(src, ["\n$$", "\n\\["]),
    tokenizer: (src) => tokenOf("display", src, BLOCK),
    renderer: ({ raw }) => `<p>${code(raw)}</p>\n`,
  };
  return { extensions: [block, inline] };
}

/** Whether the dollar at the beginning of `src` stands behind what it is of. */
function isOfPrice(src: string, before: readonly Token[]): boolean {
  const isSingle = src.startsWith("$") && !src.startsWith("$$");
  return isSingle && ENDS_IN_WORD.test(before.at(-1)?.raw ?? "");
}

function tokenOf(type: string, src: string, patterns: readonly RegExp[]) {
  for (const pattern of patterns) {
    const raw = pattern.exec(src)?.[0];
    if (raw !== undefined) return PRICE.test(raw) ? undefined : { type, raw };
  }
  return undefined;
}

/** Where marked should look for a formula; undefined for nowhere. */
function firstOf(src: string, marks: readonly string[]): number | undefined {
  const places = marks.map((mark) => src.indexOf(mark)).filter((at) => at >= 0);
  return places.length === 0 ? undefined : Math.min(...places);
}

/** The formulas among sanitised nodes. */
export function formulasIn(root: ParentNode): HTMLElement[] {
  const found = root.querySelectorAll<HTMLElement>(`code.${LANGUAGE}`);
  return [...found].filter((code) => code.parentElement?.localName !== "pre");
}

export interface Formula {
  tex: string;
  /** Whether it is a display formula. */
  isDisplay: boolean;
}

/** A formula without its delimiters; undefined for other text. */
export function formulaOf(raw: string): Formula | undefined {
  const text = raw.trim();
  const at = INLINE.findIndex((pattern) => pattern.exec(text)?.[0] === text);
  const tex = INLINE[at]?.exec(text)?.[1]?.trim();
  return tex ? { tex, isDisplay: at === 0 || at === 3 } : undefined;
}
