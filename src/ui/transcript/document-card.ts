import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { documentIcon } from "../base/icons";
import { ChooseEvent, type Menu } from "../base/menu";
import { plainName } from "../base/plain-name";
import { RequestEvent } from "../state/request";
import { DOWN, UP } from "./round-actions";
import type { Round } from "../state/chats/round";
import { base } from "../base/theme";

/**
 * `<rondo-document>`: an attached document: name, length, first line, and its text on demand. Everything is shown as
 * text, never as markup.
 *
 * @fires rondo-choose - ChooseEvent "delete": it should be detached
 * @csspart document - the card
 */
export class DocumentCard extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      article {
        width: fit-content;
        min-width: min(18rem, 100%);
        max-width: min(100%, 36rem);
        margin-inline-start: auto;
        border: 1px solid var(--_line);
        border-radius: 1.125rem 1.125rem 0.3rem;
        background: var(--_raised);
        overflow: hidden;
      }

      .head {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0 0.75rem;
        padding: 0.75rem 1rem 0;
      }

      .head > .icon {
        width: 1.375rem;
        height: 1.375rem;
        margin-top: 0.125rem;
        color: var(--_accent);
      }

      .name {
        font-weight: 600;
        line-height: 1.4;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
      }

      .about {
        color: var(--_muted);
        font-size: 0.875rem;
        font-variant-numeric: tabular-nums;
      }

      .first {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .actions {
        display: flex;
        align-items: center;
        padding: 0.25rem 0.375rem 0.375rem 2.375rem;
      }

      .actions button.small {
        font-size: 0.875rem;
      }

      .quiet {
        display: flex;
      }

      pre {
        max-height: min(24rem, 50dvh);
        margin: 0;
        padding: 0.75rem 1rem;
        overflow: auto;
        border-top: 1px solid var(--_line);
        background: var(--_panel);
        font: inherit;
        font-size: 0.9375rem;
        line-height: 1.55;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }

      pre:focus-visible {
        outline-offset: -2px;
        border-end-start-radius: 1.125rem;
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it can't be changed now. */
  @property({ attribute: false }) isBusy = false;
  @property({ attribute: false }) mayMoveUp = false;
  @property({ attribute: false }) mayMoveDown = false;
  @state() private isOpen = false;
  @query("rondo-menu") private menu!: Menu | null;
  #wordCount = 0;
  #firstLine = "";

  /** Focuses the menu's button, or else the first button. */
  override focus(options?: FocusOptions): void {
    const first = this.renderRoot.querySelector("button");
    (this.menu ?? first)?.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("round");
    const { message } = this.round;
    if (!changed.has("round") || before?.message === message) return;
    this.#wordCount = wordCount(message);
    this.#firstLine = /\S.*/.exec(message)?.[0] ?? "";
  }

  override render() {
    const name = plainName(this.round.document ?? "");
    const toggle = () => (this.isOpen = !this.isOpen);
    const words = this.#wordCount.toLocaleString("en");
    return html`
      <article part="document" aria-label="Document ${name}">
        <div class="head">
          ${documentIcon}
          <div>
            <div class="name" dir="auto">${name}</div>
            <div class="about">
              ${words} ${this.#wordCount === 1 ? "word" : "words"}
            </div>
            <div class="about first" dir="auto">${this.#firstLine}</div>
          </div>
        </div>
        <div class="actions">
          <button
            class="plain small"
            type="button"
            aria-expanded=${this.isOpen}
            @click=${toggle}
          >
            ${this.isOpen ? "Hide text" : "Show text"}
          </button>
          ${this.mayWrite ? this.#changes() : nothing}
        </div>
        ${
          this.isOpen
            ? html`<pre
                tabindex="0"
                role="region"
                aria-label="Text of ${name}"
                dir="auto"
                .textContent=${this.round.message}
              ></pre>`
            : nothing
        }
      </article>
    `;
  }

  #changes() {
    const { isBusy, mayMoveDown, mayMoveUp } = this;
    const detach = () => {
      if (!isBusy) this.dispatchEvent(new ChooseEvent("delete"));
    };
    const items = [...(mayMoveUp ? [UP] : []), ...(mayMoveDown ? [DOWN] : [])];
    return html`
      <span class="quiet">
        <button
          class="plain small"
          type="button"
          aria-disabled=${isBusy ? "true" : nothing}
          @click=${detach}
        >
          Detach
        </button>
        ${
          items.length === 0
            ? nothing
            : html`<rondo-menu
                label="Options for this document"
                .items=${items}
                ?disabled=${isBusy}
                @rondo-choose=${this.#move}
              ></rondo-menu>`
        }
      </span>
    `;
  }

  #move({ name }: ChooseEvent) {
    const direction = name === "up" ? "up" : "down";
    const { id: roundId } = this.round;
    const request = { type: "move-round", roundId, direction } as const;
    this.dispatchEvent(new RequestEvent(request));
  }
}

/** By the language's rules: not all languages put spaces between words. */
function wordCount(text: string): number {
  if (!("Segmenter" in Intl)) return text.match(/\S+/g)?.length ?? 0;
  let count = 0;
  const words = new Intl.Segmenter(undefined, { granularity: "word" });
  for (const { isWordLike } of words.segment(text)) if (isWordLike) count++;
  return count;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-document": DocumentCard;
  }
}
