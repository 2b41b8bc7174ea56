import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { trashIcon } from "./icons";
import { RequestEvent } from "./request";
import { base } from "./theme";

export interface ChatEntry {
  id: number;
  title: string;
  isCurrent: boolean;
  isReplying: boolean;
}

/**
 * `<rondo-chat-list>`: the chats of this session, newest first. Deleting one asks once more, in place.
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

      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.125rem;
        margin: 0;
        padding: 0;
        list-style: none;
      }

      li {
        position: relative;
        display: flex;
        align-items: center;
        min-height: 2.25rem;
        border-radius: 0.625rem;
      }

      li:hover,
      li.is-current {
        background: color-mix(in srgb, var(--_text) 7%, transparent);
      }

      .chat {
        flex: 1;
        min-width: 0;
        justify-content: start;
        padding-inline: 0.75rem;
        border-color: transparent;
        background: none;
        text-align: start;
      }

      .title {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .is-current .title {
        font-weight: 600;
      }

      .replying {
        flex: none;
        width: 0.5rem;
        height: 0.5rem;
        border-radius: 50%;
        background: var(--_accent);
        animation: pulse 1.1s ease-in-out infinite;
      }

      @keyframes pulse {
        50% {
          opacity: 0.25;
        }
      }

      .delete {
        position: absolute;
        inset-block: 0;
        inset-inline-end: 0;
      }

      .chat {
        padding-inline-end: 2.75rem;
      }

      @media (hover: hover) {
        li:not(:hover, :focus-within) .delete {
          opacity: 0;
        }

        li:not(:hover, :focus-within) .chat {
          padding-inline-end: 0.75rem;
        }
      }

      .question {
        flex: 1;
        padding-inline-start: 0.75rem;
      }

      .answer {
        min-height: 2rem;
        padding-inline: 0.625rem;
        font-size: 0.875rem;
      }
    `,
  ];

  @property({ attribute: false }) chats: readonly ChatEntry[] = [];
  @state() private askingId: number | undefined;

  override render() {
    return html`
      <ul>
        ${repeat(
          this.chats,
          ({ id }) => id,
          (chat) =>
            html`<li class=${chat.isCurrent ? "is-current" : ""}>
              ${chat.id === this.askingId ? this.#question(chat) : this.#entry(chat)}
            </li>`,
        )}
      </ul>
    `;
  }

  #entry({ id, title, isCurrent, isReplying }: ChatEntry) {
    const select = () =>
      this.dispatchEvent(
        new RequestEvent({ type: "select-chat", conversationId: id }),
      );
    return html`
      <button
        class="chat"
        part="chat"
        type="button"
        aria-current=${isCurrent ? "true" : nothing}
        title=${title}
        @click=${select}
      >
        <span class="title">${title}</span>
        ${
          isReplying
            ? html`<span class="replying"></span
                ><span class="visually-hidden">, replying</span>`
            : nothing
        }
      </button>
      <button
        class="delete plain square"
        type="button"
        aria-label="Delete chat “${title}”"
        title="Delete"
        data-deletes=${id}
        @click=${() => this.#ask(id, ".keep")}
      >
        ${trashIcon}
      </button>
    `;
  }

  #question({ id, title }: ChatEntry) {
    const keep = () => this.#ask(undefined, `[data-deletes="${id}"]`);
    const remove = () => {
      this.askingId = undefined;
      this.dispatchEvent(
        new RequestEvent({ type: "delete-chat", conversationId: id }),
      );
    };
    const label = `Delete chat “${title}”?`;
    return html`
      <span class="question" aria-hidden="true">Delete?</span>
      <span role="group" aria-label=${label}>
        <button class="answer plain" type="button" @click=${remove}>
          Delete
        </button>
        <button class="answer plain keep" type="button" @click=${keep}>
          Keep
        </button>
      </span>
    `;
  }

  /** Turns the row of a chat into a question, or the question into the row, and moves the focus there. */
  async #ask(id: number | undefined, focus: string) {
    this.askingId = id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(focus)?.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-chat-list": ChatList;
  }
}
