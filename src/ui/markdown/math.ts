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
    start: inlineStart,
    tokenizer: (src, tokens) =>
      isOfPrice(src, tokens) ? undefined : tokenOf("formula", src, INLINE),
    renderer: ({ raw }) => code(raw),
  };
  const block: TokenizerAndRendererExtension = {
    name: "display",
    level: "block",
    start: blockStart,
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

/** How far is looked ahead for a formula in a line. */
const AHEAD = 500;
/** A formula, or where marked stops in any case. */
const STOP = /[$\\<[`*~]/;

/**
 * Where marked should look for a formula; undefined for nowhere. marked asks at every stop that it makes, such as a
 * backslash: a search to the end of a long line each time would take its square. So nothing is looked for behind
 * marked's next stop. Where that is far, marked stops at a word's end instead, which changes nothing: texts beside
 * each other are one.
 */
function inlineStart(src: string): number | undefined {
  const near = src.slice(0, AHEAD);
  const at = near.search(STOP);
  if (at >= 0) return near[at] === "$" ? at : undefined;
  if (src.length <= AHEAD) return undefined;
  for (let end = near.length; end > 0;) {
    end = near.lastIndexOf(" ", end - 1);
    if (end > 0 && /^\w \w/.test(near.slice(end - 1, end + 2))) return end;
  }
  const far = src.indexOf("$", AHEAD);
  return far < 0 ? undefined : far;
}

/** The same for a formula on its own: it begins behind a line of the paragraph, which ends at a blank line. */
function blockStart(src: string): number | undefined {
  const end = src.indexOf("\n\n");
  const paragraph = end < 0 ? src : src.slice(0, end + 4);
  const places = ["\n$$", "\n\\["]
    .map((mark) => paragraph.indexOf(mark))
    .filter((at) => at >= 0);
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
