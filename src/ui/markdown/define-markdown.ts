/**
 * Registers `<rondo-markdown>` and `<rondo-thinking>` when a reply first needs it: parsing and sanitising Markdown is a third of the page's
 * code, and a chat opens without it.
 */
import { LitElement, html } from "lit";
import { property } from "lit/decorators.js";
import { defineElements } from "../base/define-elements";

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
  const { MarkdownElement: element, ThinkingElement: thinking } =
    await import("./late-elements").catch(() => ({
      MarkdownElement: PlainReply,
      ThinkingElement: PlainReply,
    }));
  defineElements({ [NAME]: element, "rondo-thinking": thinking });
}
