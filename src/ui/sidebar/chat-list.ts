import { css, html, LitElement, nothing } from "lit";
import { property, queryAll } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { ChatEntry, ChatEntryElement } from "./chat-entry";
import { base } from "../base/theme";

/**
 * `<rondo-chat-list>`: the chats, the one changed last first; those of today apart from the earlier ones.
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

  /** The one changed last first. */
  @property({ attribute: false }) chats: readonly ChatEntry[] = [];

  @queryAll("rondo-chat-entry")
  private elements!: NodeListOf<ChatEntryElement>;
  #focusedId: number | undefined;

  /** On the first chat. */
  override focus(options?: FocusOptions): void {
    this.elements[0]?.focus(options);
  }

  protected override willUpdate(): void {
    this.#focusedId = this.#focused?.chat.id;
  }

  /** An entry that was moved, to the top say, has lost the focus on its way. */
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
    // Where all are of today, that need not be said.
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
