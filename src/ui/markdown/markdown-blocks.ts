/**
 * Markdown as HTML, block by block, as models write it. An image becomes a link, and raw HTML text but for a few tags.
 * Still not safe to show: see `sanitise`.
 */
import { Lexer, Marked, type Links, type Token, type Tokens } from "marked";
import { harmlessHtml } from "./harmless-html";
import { mathExtension } from "./math";
import { nestedFences } from "./nested-fences";
import { unspacedScripts } from "./unspaced-scripts";

/** The page has its own two levels of headings above a reply's. */
const HEADING_SHIFT = 2;

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html({ text, block }) {
      if (/^<br\s*\/?>$/i.test(text.trim())) return "<br>";
      if (!block) return escapeHtml(text);
      return `<pre><code class="language-html">${escapeHtml(text)}</code></pre>`;
    },
    image: ({ href, text }) =>
      `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
    heading({ tokens, depth }) {
      const level = Math.min(depth + HEADING_SHIFT, 6);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});
marked.use(
  mathExtension(escapeHtml),
  unspacedScripts(),
  harmlessHtml,
  nestedFences,
);

/** A stretch of Markdown that stands on its own: a paragraph, a list, the code between two fences. */
export interface MarkdownBlock {
  /** "code", "table", and the other names of marked. */
  type: string;
  /** As it was written, but perhaps for its last white space; as long as it was. */
  raw: string;
  /** Undefined for invisible blocks, such as blank lines. */
  html: string | undefined;
  /** Link definitions in the block. */
  links: Links;
}

/**
 * The blocks of a text in which lines end with "\n".
 *
 * @param links link definitions besides those in the text
 */
export function blocksOf(markdown: string, links: Links = {}): MarkdownBlock[] {
  try {
    const lexer = new Lexer(marked.defaults);
    Object.assign(lexer.tokens.links, links);
    return lexer.lex(markdown).map(blockOf);
  } catch {
    // Nested deeper than the stack: a looping model may write this.
    const html = `<p>${escapeHtml(markdown)}</p>`;
    return [{ type: "text", raw: markdown, html, links: {} }];
  }
}

function blockOf(token: Token): MarkdownBlock {
  const { type, raw } = token;
  const isSeen = type !== "space" && type !== "def";
  const html = isSeen ? marked.parser([token]) : undefined;
  const links = isDefinition(token) ? { [token.tag]: token } : {};
  return { type, raw, html, links };
}

function isDefinition(token: Token): token is Tokens.Def {
  return token.type === "def";
}

/** Markdown as HTML, a string for each block that is seen. */
export function markdownBlocks(markdown: string): string[] {
  return blocksOf(markdown).flatMap(({ html }) => html ?? []);
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
