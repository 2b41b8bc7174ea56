/**
 * From a reply's Markdown to nodes that are safe to show. Model output is hostile: it may have been
 * steered by a document or a page. Two walls, each enough alone:
 *
 *   1. the renderer knows Markdown only: raw HTML comes out as the text it is, an image as a link;
 *   2. DOMPurify keeps a short list of elements, none of which runs anything or requests anything,
 *      and links keep nothing but an http, https or mailto address.
 *
 * The nodes never pass through a string again, so nothing can change its meaning in a second parse.
 */
import DOMPurify from "dompurify";
import { Marked, type Token } from "marked";
import { mathExtension } from "./math";

const ALLOWED_TAGS = [
  ...["p", "br", "hr", "blockquote", "pre", "ul", "ol", "li"],
  ...["h1", "h2", "h3", "h4", "h5", "h6"],
  ...["a", "b", "code", "del", "em", "i", "kbd", "s", "strong", "sub", "sup"],
  ...["table", "thead", "tbody", "tr", "th", "td"],
];
const ALLOWED_ATTR = ["href", "class", "start", "align"];
const LINK_PROTOCOLS = ["http:", "https:", "mailto:"];

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
marked.use(mathExtension(escapeHtml));

/** Markdown as HTML, a string for each block from top to bottom. Not safe to show: see `sanitise`. */
export function markdownBlocks(markdown: string): string[] {
  try {
    const tokens = marked.lexer(markdown);
    return tokens
      .filter(({ type }) => type !== "space" && type !== "def")
      .map((token: Token) => marked.parser([token]));
  } catch {
    // Markdown nested deeper than the stack; nobody writes it, but a model may loop.
    return [`<p>${escapeHtml(markdown)}</p>`];
  }
}

/** What of `html` is safe to show, whatever wrote it. */
export function sanitise(html: string): DocumentFragment {
  // Null where the HTML has no body, as that of a frameset; the types do not say so.
  const clean: DocumentFragment | null = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOWED_NAMESPACES: ["http://www.w3.org/1999/xhtml"],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  const fragment = clean ?? new DocumentFragment();
  for (const link of fragment.querySelectorAll("a")) tameLink(link);
  for (const element of fragment.querySelectorAll("[class]"))
    if (codeLanguage(element) === undefined) element.removeAttribute("class");
  return fragment;
}

/** Markdown as nodes that are safe to show. */
export function renderMarkdown(markdown: string): DocumentFragment {
  return sanitise(markdownBlocks(markdown).join(""));
}

/** Markdown as the words it shows, for a screen reader's announcement. */
export function plainText(markdown: string): string {
  return (renderMarkdown(markdown).textContent ?? "").trim();
}

/** The language that a fenced block names; undefined for any other element. */
export function codeLanguage(element: Element): string | undefined {
  if (element.localName !== "code") return undefined;
  return /^language-([\w+#.-]+)$/.exec(element.className)?.[1];
}

function tameLink(link: HTMLAnchorElement): void {
  const address = link.getAttribute("href") ?? "";
  const isSafe =
    URL.canParse(address) && LINK_PROTOCOLS.includes(new URL(address).protocol);
  if (!isSafe) return link.removeAttribute("href");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
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
