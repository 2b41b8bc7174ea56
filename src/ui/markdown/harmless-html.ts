/**
 * The little HTML that models write in Markdown: H<sub>2</sub>O, keys, and `<details>`. A tag counts only with its
 * end, so that nothing is left open; its attributes are dropped. All other HTML stays the text it is.
 */
import type {
  MarkedExtension,
  RendererThis,
  Token,
  TokenizerAndRendererExtension,
  TokenizerThis,
  Tokens,
} from "marked";

const INLINE =
  /^<(sub|sup|kbd|b|i|s|u|em|strong|del|ins|mark|small)>((?:(?!<\1>)[^])+?)<\/\1>/i;
const DETAILS =
  /^ {0,3}<details(?:\s+open(?:="[^"]*")?)?>\s*(?:<summary>((?:(?!<\/?summary)[^])*)<\/summary>)?/i;
const DETAILS_TAG = /<(\/?)details(?:\s+open(?:="[^"]*")?)?>/gi;

const element: TokenizerAndRendererExtension = {
  name: "element",
  level: "inline",
  tokenizer(src) {
    const [raw, name, text] = INLINE.exec(src) ?? [];
    if (raw === undefined || name === undefined || text === undefined)
      return undefined;
    const tokens = this.lexer.inlineTokens(text);
    return { type: "element", raw, name: name.toLowerCase(), tokens };
  },
  renderer({ name, tokens = [] }) {
    return `<${name}>${this.parser.parseInline(tokens)}</${name}>`;
  },
};

const details: TokenizerAndRendererExtension = {
  name: "details",
  level: "block",
  tokenizer(src) {
    return detailsToken(this, src);
  },
  renderer({ isOpen, summary, tokens = [] }) {
    const title = inlineOf(this, summary as Token[]) || "Details";
    const inside = this.parser.parse(tokens);
    return `<details${isOpen ? " open" : ""}><summary>${title}</summary>\n${inside}</details>\n`;
  },
};

/** For marked. */
export const harmlessHtml: MarkedExtension = { extensions: [element, details] };

function inlineOf(renderer: RendererThis, tokens: Token[]): string {
  return renderer.parser.parseInline(tokens).trim();
}

/** Where it does not end yet, it lasts to the end of the text, and is open. */
function detailsToken(
  { lexer }: TokenizerThis,
  src: string,
): Tokens.Generic | undefined {
  const [head, title = ""] = DETAILS.exec(src) ?? [];
  if (head === undefined) return undefined;
  const end = detailsEnd(src);
  const inside = src.slice(head.length, end?.index);
  const raw = end === undefined ? src : src.slice(0, end.index + end[0].length);
  const isOpen = end === undefined || /^\s*<details\s/i.test(head);
  const summary = lexer.inlineTokens(title.trim());
  const tokens = lexer.blockTokens(`${inside.trim()}\n`, []);
  return { type: "details", raw, isOpen, summary, tokens };
}

/** The end of the first `<details>`, past those inside it and fenced code. */
function detailsEnd(src: string): RegExpExecArray | undefined {
  const text = src.replace(
    /^ {0,3}(`{3,}|~{3,})[^]*?(?:^ {0,3}\1[^\n]*$|$(?![^]))/gm,
    (code) => " ".repeat(code.length),
  );
  let depth = 0;
  for (const tag of text.matchAll(DETAILS_TAG)) {
    depth += tag[1] === "" ? 1 : -1;
    if (depth === 0) return tag;
  }
  return undefined;
}
