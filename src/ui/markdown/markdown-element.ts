import { css, html, LitElement } from "lit";
import { property, query } from "lit/decorators.js";
import { CodePainter } from "./code-painter";
import { formulasIn } from "./math";
import { MathSetter } from "./math-setter";
import { codeLanguage, sanitise } from "./markdown";
import { MarkdownReader, WHOLE } from "./markdown-reader";
import { oncePerFrame } from "../base/once-per-frame";
import { base } from "../base/theme";

/**
 * Blocks per section. When a text grows, the browser checks all siblings of what has grown: a few sections instead of
 * thousands of blocks. Sections off screen are not laid out.
 */
const SECTION_BLOCKS = 100;

/**
 * `<rondo-markdown>`: a reply's Markdown, sanitised. While a reply streams, only the blocks whose HTML
 * changed (as a rule the last one) are replaced, so that a selection in the others stays; a long text is rendered in
 * pieces, one a frame. Highlighting and formulas are loaded when the first of them appears.
 *
 * @csspart text - the whole text
 */
export class MarkdownElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        overflow-wrap: anywhere;
        /* A formula may ask for negative space: nothing leaves the reply's place. */
        overflow: clip;
        overflow-clip-margin: 0.5rem;
      }

      .block + .block,
      .section + .section {
        margin-top: 0.75em;
      }

      .is-long > .section {
        content-visibility: auto;
        contain-intrinsic-block-size: auto 200em;
      }

      .block > :first-child {
        margin-top: 0;
      }

      .block > :last-child {
        margin-bottom: 0;
      }

      p,
      ul,
      ol,
      blockquote,
      details,
      .table,
      .code {
        margin: 0.75em 0;
      }

      /* A block's direction is that of its first letter; each paragraph in it goes its own way. */
      p,
      li,
      :is(h3, h4, h5, h6),
      th,
      td,
      summary {
        unicode-bidi: plaintext;
        text-align: start;
      }

      h3,
      h4,
      h5,
      h6 {
        margin: 1.5em 0 0.5em;
        font-size: 1em;
        line-height: 1.35;
      }

      h3 {
        font-size: 1.25em;
      }

      h4 {
        font-size: 1.125em;
      }

      ul,
      ol {
        padding-inline-start: 1.5em;
      }

      li + li {
        margin-top: 0.25em;
      }

      li > :is(ul, ol) {
        margin: 0.25em 0;
      }

      .task {
        list-style: none;
        text-indent: -1.3em;
      }

      blockquote {
        margin-inline: 0;
        padding-inline-start: 1em;
        border-inline-start: 3px solid var(--_line);
        color: var(--_muted);
      }

      hr {
        margin: 1.5em 0;
        border: 0;
        border-top: 1px solid var(--_line);
      }

      a {
        color: var(--_accent);
        text-underline-offset: 0.15em;
      }

      code {
        font-family: var(--_mono);
        font-size: 0.875em;
      }

      summary {
        font-weight: 600;
        cursor: pointer;
      }

      details > :last-child {
        margin-bottom: 0;
      }

      details[open] {
        padding-inline-start: 0.75em;
        border-inline-start: 3px solid var(--_line);
      }

      kbd {
        padding: 0.05em 0.4em;
        border: 1px solid var(--_control-line);
        border-radius: 0.3em;
        font-family: var(--_mono);
        font-size: 0.8125em;
      }

      sub,
      sup {
        line-height: 0;
      }

      mark {
        background: color-mix(in srgb, var(--_accent) 22%, transparent);
        color: inherit;
      }

      :not(pre) > code {
        padding: 0.1em 0.35em;
        border-radius: 0.35em;
        background: var(--_panel);
      }

      .code {
        border: 1px solid var(--_line);
        border-radius: 0.75rem;
        background: var(--_panel);
        overflow: hidden;
      }

      .code-head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        padding: 0.25rem 0.375rem 0.25rem 1rem;
        border-bottom: 1px solid var(--_line);
        color: var(--_muted);
        font-size: 0.8125rem;
      }

      pre {
        margin: 0;
        padding: 0.875rem 1rem;
        overflow-x: auto;
        line-height: 1.55;
        overflow-wrap: normal;
      }

      pre:focus-visible,
      .table:focus-visible {
        outline-offset: -2px;
        border-radius: 0.75rem;
      }

      .table {
        overflow-x: auto;
        overflow-wrap: normal;
      }

      table {
        border-collapse: collapse;
        font-size: 0.9375em;
        font-variant-numeric: tabular-nums;
      }

      th,
      td {
        padding-block: 0.4em;
        padding-inline: 0 1em;
        border-bottom: 1px solid var(--_line);
        text-align: start;
        vertical-align: top;
      }

      th {
        font-weight: 600;
      }

      [align="right"] {
        text-align: end;
      }

      [align="center"] {
        text-align: center;
      }

      .is-writing > :last-child > :last-child > :is(p, ul, ol, h3, h4)::after {
        content: "";
        display: inline-block;
        width: 0.5em;
        height: 1em;
        margin-inline-start: 0.2em;
        border-radius: 0.15em;
        background: var(--_accent);
        vertical-align: -0.12em;
        animation: pulse 1.1s ease-in-out infinite;
      }

      .is-writing > :last-child > :last-child > :is(ul, ol)::after {
        margin-inline-start: 0;
      }

      .hljs-comment,
      .hljs-quote,
      .hljs-meta {
        color: var(--_muted);
      }

      .hljs-keyword,
      .hljs-literal,
      .hljs-selector-tag,
      .hljs-section,
      .hljs-doctag {
        color: var(--_code-keyword);
      }

      .hljs-string,
      .hljs-regexp,
      .hljs-addition,
      .hljs-link {
        color: var(--_code-string);
      }

      .hljs-number,
      .hljs-symbol,
      .hljs-bullet,
      .hljs-variable,
      .hljs-template-variable,
      .hljs-deletion {
        color: var(--_code-value);
      }

      .hljs-title,
      .hljs-attr,
      .hljs-attribute,
      .hljs-property,
      .hljs-selector-id,
      .hljs-selector-class,
      .hljs-selector-pseudo,
      .hljs-selector-attr {
        color: var(--_code-name);
      }

      .hljs-type,
      .hljs-built_in,
      .hljs-tag,
      .hljs-name {
        color: var(--_code-type);
      }

      .hljs-subst {
        color: var(--_text);
      }

      .hljs-emphasis {
        font-style: italic;
      }

      .hljs-strong {
        font-weight: 600;
      }

      .math {
        overflow-wrap: normal;
        white-space: nowrap;
      }

      .math.is-display {
        display: block;
        padding-block: 0.25rem;
        overflow: auto hidden;
        text-align: center;
      }

      math {
        font-size: 1.1em;
      }

      .boxed {
        padding: 0.2em 0.4em;
        border: 1px solid currentColor;
      }

      .struck {
        background: linear-gradient(
          to top left,
          transparent calc(50% - 0.6px),
          currentColor calc(50% - 0.6px),
          currentColor calc(50% + 0.6px),
          transparent calc(50% + 0.6px)
        );
      }

      @media print {
        pre {
          white-space: pre-wrap;
          overflow-wrap: anywhere;
        }

        .code,
        .table,
        .math.is-display {
          overflow: visible;
        }

        th,
        td {
          overflow-wrap: anywhere;
        }

        rondo-copy-button {
          display: none;
        }

        .is-long > .section {
          content-visibility: visible;
        }
      }

      @keyframes pulse {
        50% {
          opacity: 0.25;
        }
      }
    `,
  ];

  @property({ attribute: false }) text = "";
  /** Whether more is to come. */
  @property({ type: Boolean }) writing = false;
  @query(".text") private container!: HTMLElement;
  /** The blocks in the page, and the HTML that each was made from. */
  #shown: { html: string; element: HTMLElement }[] = [];
  readonly #reader = new MarkdownReader();
  readonly #painter = new CodePainter();
  readonly #setter = new MathSetter();

  override render() {
    const classes = [
      "text",
      ...(this.writing ? ["is-writing"] : []),
      ...(this.text.length > WHOLE ? ["is-long"] : []),
    ];
    return html`<div class=${classes.join(" ")} part="text"></div>`;
  }

  protected override updated(): void {
    const { at, blocks } = this.#reader.read(this.text, !this.writing);
    const count = at + blocks.length;
    // The block that grew has come to its end.
    if (!this.writing || count > this.#shown.length) this.#painter.finish();
    blocks.forEach((block, i) => {
      const index = at + i;
      if (block !== this.#shown[index]?.html)
        this.#show(index, block, this.writing && index === count - 1);
    });
    for (const { element } of this.#shown.splice(count)) element.remove();
    while (this.container.lastElementChild?.childElementCount === 0)
      this.container.lastElementChild.remove();
    if (this.#reader.isBehind) this.#readOn();
  }

  /** Renders a long text piece by piece, so that the page stays responsive. */
  readonly #readOn = oncePerFrame(() => this.requestUpdate());

  /** The section for a new block. */
  #section(index: number): HTMLElement {
    if (index % SECTION_BLOCKS === 0) {
      const section = document.createElement("div");
      section.className = "section";
      this.container.append(section);
      return section;
    }
    return this.container.lastElementChild as HTMLElement;
  }

  #show(index: number, block: string, isGrowing: boolean): void {
    const shown = document.createElement("div");
    shown.className = "block";
    shown.dir = "auto";
    shown.append(sanitise(block));
    // Code is no part of the sentence that the direction is taken from.
    for (const code of shown.querySelectorAll("code")) code.dir = "ltr";
    for (const formula of formulasIn(shown)) this.#setter.set(formula);
    shown.querySelectorAll("pre").forEach(frameCode);
    shown.querySelectorAll("table").forEach(frameTable);
    shown.querySelectorAll("li").forEach(markTask);
    const old = this.#shown[index]?.element;
    if (old === undefined) this.#section(index).append(shown);
    else old.replaceWith(shown);
    this.#shown[index] = { html: block, element: shown };
    const codes = [...shown.querySelectorAll<HTMLElement>("pre > code")];
    codes.forEach((code, i) =>
      this.#painter.paint(code, isGrowing && i === codes.length - 1),
    );
  }
}

/** Gives a code block its language, a copy button, and a scrollbar that the keyboard reaches. */
function frameCode(pre: HTMLPreElement): void {
  const code = pre.querySelector("code");
  const language = document.createElement("span");
  language.textContent = (code && codeLanguage(code)) ?? "";
  const copy = document.createElement("rondo-copy-button");
  copy.what = "code";
  copy.text = pre.textContent ?? "";
  const head = document.createElement("div");
  head.className = "code-head";
  head.append(language, copy);
  const frame = document.createElement("div");
  frame.className = "code";
  frame.dir = "ltr";
  pre.replaceWith(frame);
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", `${language.textContent} code`.trim());
  frame.append(head, pre);
}

/** Gives a table a frame to scroll in when it is wider than the page. */
function frameTable(table: HTMLTableElement): void {
  const frame = document.createElement("div");
  frame.className = "table";
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Table");
  table.replaceWith(frame);
  frame.append(table);
}

/** Shows a task's checkbox in place of the bullet. */
function markTask(item: HTMLLIElement): void {
  item.classList.toggle("task", /^\s*[☐☑]/.test(item.textContent ?? ""));
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-markdown": MarkdownElement;
  }
}
