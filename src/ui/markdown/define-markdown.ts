/**
 * Registers `<rondo-markdown>` when a reply first needs it: parsing and sanitising Markdown is a third of the page's
 * code, and a chat opens without it.
 */
import { LitElement, html } from "lit";
import { property } from "lit/decorators.js";

const NAME = "rondo-markdown";

/** Fallback where the code did not load: the reply as plain text. */
class PlainReply extends LitElement {
  @property({ attribute: false }) text = "";

  override render() {
    return html`<div part="text">${this.text.trim()}</div>`;
  }

  protected override firstUpdated(): void {
    this.style.whiteSpace = "pre-wrap";
  }
}

export async function defineMarkdown(): Promise<void> {
  if (customElements.get(NAME)) return;
  const element = await import("./markdown-element").then(
    ({ MarkdownElement }) => MarkdownElement,
    () => PlainReply,
  );
  if (!customElements.get(NAME)) customElements.define(NAME, element);
}
