/**
 * Registers `<rondo-markdown>` when a reply first needs it: what reads and sanitises Markdown is a third of
 * the page's code, and a chat can be opened, and written in, without.
 */
import { LitElement, html } from "lit";
import { property } from "lit/decorators.js";

const NAME = "rondo-markdown";

/** Where the rest did not come: a reply's words as the model wrote them. */
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
