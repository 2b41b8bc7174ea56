/**
 * From a reply's Markdown to nodes that are safe to show. Model output is hostile: it may have been
 * steered by a document or a page. Two walls, each enough alone:
 *
 *   1. the renderer knows Markdown only: an image comes out as a link, and raw HTML as the text it
 *      is, but for a few tags that only format;
 *   2. DOMPurify keeps a short list of elements, none of which runs anything or requests anything,
 *      and links keep nothing but an http, https or mailto address.
 *
 * The nodes never pass through a string again, so nothing can change its meaning in a second parse.
 */
import DOMPurify, { type Config } from "dompurify";
import { trustedPolicy } from "../../util/trusted-types";
import { markdownBlocks } from "./markdown-blocks";

const ALLOWED_TAGS = [
  ...["p", "br", "hr", "blockquote", "pre", "ul", "ol", "li"],
  ...["h1", "h2", "h3", "h4", "h5", "h6"],
  ...["a", "b", "code", "del", "em", "i", "ins", "kbd", "mark", "s", "small"],
  ...["strong", "sub", "sup", "u", "details", "summary"],
  ...["table", "thead", "tbody", "tr", "th", "td"],
];
const ALLOWED_ATTR = ["href", "class", "start", "align", "open"];
const LINK_PROTOCOLS = ["http:", "https:", "mailto:"];

/** The safe part of `html`. */
export function sanitise(html: string): DocumentFragment {
  // Null where the HTML has no body, as that of a frameset; the types do not say so.
  const clean: DocumentFragment | null = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOWED_NAMESPACES: ["http://www.w3.org/1999/xhtml"],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
    TRUSTED_TYPES_POLICY:
      trustedPolicy() as unknown as Config["TRUSTED_TYPES_POLICY"],
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

/** Maximum characters of a reply that are announced. */
const MOST_ANNOUNCED = 8192;

/** Markdown as plain text, for screen readers. */
export function plainText(markdown: string): string {
  const start = markdown.slice(0, MOST_ANNOUNCED);
  const words = (renderMarkdown(start).textContent ?? "").trim();
  return start === markdown ? words : `${words}…`;
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
