import { css, html, LitElement, nothing } from "lit";
import { property, queryAll } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { ChatEntry, ChatEntryElement } from "./chat-entry";
import { base } from "../base/theme";

/**
 * `<rondo-chat-list>`: the chats, the latest first, today's apart from earlier ones.
 *
 * @csspart chat - each chat's button
 */
export class ChatList extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      h2 {
        margin: 0;
        padding: 0 calc(0.75rem + 1px) 0.375rem;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 400;
      }

      ul + h2 {
        padding-top: 1.125rem;
      }

      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.125rem;
        margin: 0;
        padding: 0;
        list-style: none;
      }
    `,
  ];

  /** The latest change first. */
  @property({ attribute: false }) chats: readonly ChatEntry[] = [];

  @queryAll("rondo-chat-entry")
  private elements!: NodeListOf<ChatEntryElement>;
  #focusedId: number | undefined;

  /** Focuses the first chat. */
  override focus(options?: FocusOptions): void {
    this.elements[0]?.focus(options);
  }

  protected override willUpdate(): void {
    this.#focusedId = this.#focused?.chat.id;
  }

  /** An entry that moves, for example to the top, loses the focus: gives it back. */
  protected override updated(): void {
    if (this.#focusedId === undefined || this.#focused) return;
    const moved = [...this.elements].find(
      ({ chat }) => chat.id === this.#focusedId,
    );
    void moved?.updateComplete.then(() => moved.focus());
  }

  get #focused(): ChatEntryElement | undefined {
    return [...this.elements].find((entry) => entry.matches(":focus-within"));
  }

  override render() {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const today = this.chats.filter(({ updatedMs }) => updatedMs >= midnight);
    const earlier = this.chats.slice(today.length);
    // No headings where all chats are of today.
    if (earlier.length === 0) return this.#entries(today, nothing);
    return html`
      ${
        today.length === 0
          ? nothing
          : html`<h2 id="today">Today</h2>
              ${this.#entries(today, "today")}`
      }
      <h2 id="earlier">Earlier</h2>
      ${this.#entries(earlier, "earlier")}
    `;
  }

  #entries(chats: readonly ChatEntry[], headingId: string | typeof nothing) {
    return html`
      <ul aria-labelledby=${headingId}>
        ${repeat(
          chats,
          ({ id }) => id,
          (chat) =>
            html`<li>
              <rondo-chat-entry
                exportparts="chat"
                .chat=${chat}
              ></rondo-chat-entry>
            </li>`,
        )}
      </ul>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-chat-list": ChatList;
  }
}
