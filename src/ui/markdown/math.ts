/**
 * Formulas in Markdown, as models write them: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on their own.
 * Here they are only found; each goes on as the text it was written as, in a `<code>` that says so, until
 * math-nodes.ts sets it. What stands in code is code.
 *
 * A dollar is a price as a rule: it begins a formula only where no space follows it, and ends one only where
 * none is before it and no letter or digit behind it.
 */
import type { MarkedExtension, TokenizerAndRendererExtension } from "marked";

/** A formula may be so long, in characters; what is longer is text. */
const LONGEST = 2000;

const INLINE = [
  new RegExp(String.raw`^\$\$((?:\\[^]|[^\\$]){1,${LONGEST}})\$\$`),
  new RegExp(
    String.raw`^\$(?!\s)((?:\\[^\n]|[^\\$\n]){1,${LONGEST}})(?<!\s)\$(?!\w)`,
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

/** The class of the element that a formula goes on in. */
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
    start: (src) => firstOf(src, ["$", "\\(", "\\["]),
    tokenizer: (src) => tokenOf("formula", src, INLINE),
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

function tokenOf(type: string, src: string, patterns: readonly RegExp[]) {
  for (const pattern of patterns) {
    const raw = pattern.exec(src)?.[0];
    if (raw !== undefined) return { type, raw };
  }
  return undefined;
}

/** What marked should look at again; undefined where there is nothing. */
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
  /** Whether it stands on its own. */
  isDisplay: boolean;
}

/** A formula without what it stands between; undefined for other text. */
export function formulaOf(raw: string): Formula | undefined {
  const text = raw.trim();
  const at = INLINE.findIndex((pattern) => pattern.exec(text)?.[0] === text);
  const tex = INLINE[at]?.exec(text)?.[1]?.trim();
  return tex ? { tex, isDisplay: at === 0 || at === 3 } : undefined;
}
