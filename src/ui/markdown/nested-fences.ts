/**
 * Fences inside a block of Markdown. Models write a README in a ```` ```markdown ```` block with further ```` ``` ````
 * blocks inside; by CommonMark the first inner end ends the outer block, and all that follows is shown inside out.
 * Here, in a block of Markdown, a fence with a language opens another block, and one without closes the last.
 */
import type { MarkedExtension, Tokens } from "marked";

const OPENING =
  /^ {0,3}(`{3,}|~{3,})[ \t]*(?:markdown|md|mdx)\b[^`\n]*(?:\n|$)/i;
const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*(\S?)/;

/** For marked. */
export const nestedFences: MarkedExtension = {
  tokenizer: {
    fences: (src) => nestedCode(src) ?? false,
  },
};

/** The block of Markdown at the beginning of a text, if it has blocks inside; open to the end where nothing closes it. */
function nestedCode(src: string): Tokens.Code | undefined {
  const [head, outer] = OPENING.exec(src) ?? [];
  if (head === undefined || outer === undefined) return undefined;
  const open = [outer];
  let hasNested = false;
  let start = head.length;
  while (start < src.length) {
    const newLine = src.indexOf("\n", start);
    const end = newLine < 0 ? src.length : newLine + 1;
    const [, fence, next] = FENCE.exec(src.slice(start, end)) ?? [];
    if (fence !== undefined && next !== "") {
      open.push(fence);
      hasNested = true;
    } else if (fence?.startsWith(open.at(-1)!)) {
      open.pop();
    }
    if (open.length === 0) {
      const text = src.slice(head.length, start).replace(/\n$/, "");
      const raw = src.slice(0, end);
      return hasNested
        ? { type: "code", raw, lang: "markdown", text }
        : undefined;
    }
    start = end;
  }
  const text = src.slice(head.length);
  return hasNested
    ? { type: "code", raw: src, lang: "markdown", text }
    : undefined;
}
