import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { Excerpt } from "../../util/text-search";
import { isComposing } from "../composer/composer";
import type { Conversation } from "../state/chats/conversation";
import { copyIcon, exportIcon, renameIcon, trashIcon } from "../base/icons";
import type { ChooseEvent, MenuItem } from "../base/menu";
import { RequestEvent, type ChatRequest } from "../state/request";
import { base } from "../base/theme";

export interface ChatEntry {
  id: number;
  title: string;
  updatedMs: number;
  isCurrent: boolean;
  isReplying: boolean;
  /** Whether it was copied just now. */
  isCopied: boolean;
  /** Where the search found its words in this chat. */
  excerpt: Excerpt | undefined;
  /** Whether the engine has saved it, so that it can be renamed and exported. */
  isNamed: boolean;
}

export function entryOf(
  chat: Conversation,
  shown: Conversation,
  excerpt?: Excerpt,
): ChatEntry {
  const { id, title, updatedMs } = chat;
  return {
    id,
    title,
    updatedMs,
    isCurrent: chat === shown,
    isReplying: chat.running !== undefined,
    isCopied: chat.isCopied,
    excerpt,
    isNamed: chat.chatId !== undefined,
  };
}

const REMOVE: MenuItem = { name: "delete", label: "Delete", icon: trashIcon };
const ITEMS: readonly MenuItem[] = [
  { name: "rename", label: "Rename", icon: renameIcon },
  { name: "copy", label: "Copy chat", icon: copyIcon },
  { name: "markdown", label: "Save as Markdown", icon: exportIcon },
  { name: "export", label: "Export with memory", icon: exportIcon },
  REMOVE,
];

/**
 * `<rondo-chat-entry>`: one chat of the list, with its menu. Renaming and the question before deleting happen in place.
 *
 * @csspart chat - the chat's button
 */
export class ChatEntryElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        position: relative;
        display: flex;
        align-items: center;
        min-height: 2.25rem;
        border-radius: 0.625rem;
      }

      :host(:hover),
      :host([current]) {
        background: color-mix(in srgb, var(--_text) 7%, transparent);
      }

      .chat {
        flex: 1;
        min-width: 0;
        justify-content: start;
        padding-inline: 0.75rem 2.75rem;
        border-color: transparent;
        background: none;
        text-align: start;
      }

      .lines {
        min-width: 0;
      }

      .title,
      .excerpt {
        display: block;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      :host([current]) .title {
        font-weight: 600;
      }

      .excerpt {
        display: -webkit-box;
        color: var(--_muted);
        font-size: 0.8125rem;
        line-height: 1.4;
        white-space: normal;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
      }

      mark {
        background: none;
        color: var(--_text);
        font-weight: 600;
      }

      .copied {
        flex: none;
        margin-inline-start: auto;
        color: var(--_muted);
        font-size: 0.8125rem;
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

      rondo-menu {
        position: absolute;
        inset-block: 0;
        inset-inline-end: 0;
      }

      @media (hover: hover) {
        :host(:not(:hover, :focus-within)) rondo-menu {
          opacity: 0;
        }

        :host(:not(:hover, :focus-within)) .chat {
          padding-inline-end: 0.75rem;
        }
      }

      input {
        flex: 1;
        min-width: 0;
        min-height: 2.25rem;
        padding: 0.25rem calc(0.75rem - 1px);
        border: 1px solid var(--_accent);
        border-radius: 0.625rem;
        background: var(--_raised);
        color: var(--_text);
        font: inherit;
      }

      input:focus-visible {
        outline-width: 1px;
        outline-offset: 0;
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

      @media (pointer: coarse) {
        input {
          min-height: 2.75rem;
          font-size: max(1rem, 16px);
        }
      }
    `,
  ];

  @property({ attribute: false }) chat!: ChatEntry;
  @state() private mode: "shown" | "renaming" | "asking" = "shown";
  @query("input") private input!: HTMLInputElement | null;

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector("button")?.focus(options);
  }

  override willUpdate(): void {
    this.toggleAttribute("current", this.chat.isCurrent);
  }

  override render() {
    switch (this.mode) {
      case "shown":
        return this.#entry();
      case "renaming":
        return this.#nameBox();
      case "asking":
        return this.#question();
      default:
        return this.mode satisfies never;
    }
  }

  #entry() {
    const { id, isCurrent, isCopied, isNamed, isReplying } = this.chat;
    const title = this.#title;
    return html`
      <button
        class="chat"
        part="chat"
        type="button"
        aria-current=${isCurrent ? "true" : nothing}
        title=${title}
        @click=${() => this.#request({ type: "select-chat", conversationId: id })}
        @keydown=${this.#onKeydown}
      >
        <span class="lines">
          <span class="title" dir="auto">${title}</span>
          ${this.#excerpt()}
        </span>
        ${isCopied ? html`<span class="copied" aria-hidden="true">Copied</span>` : nothing}
        ${
          isReplying
            ? html`<span class="replying"></span
                ><span class="visually-hidden">, replying</span>`
            : nothing
        }
      </button>
      <rondo-menu
        label="Options for “${title}”"
        .items=${isNamed ? ITEMS : [REMOVE]}
        @rondo-choose=${this.#choose}
      ></rondo-menu>
    `;
  }

  #nameBox() {
    return html`
      <input
        dir="auto"
        aria-label="Name of the chat"
        maxlength="200"
        autocomplete="off"
        enterkeyhint="done"
        .value=${this.#title}
        @keydown=${this.#onNameKey}
        @blur=${this.#rename}
      />
    `;
  }

  #question() {
    const { id } = this.chat;
    const remove = () => {
      this.mode = "shown";
      this.#request({ type: "delete-chat", conversationId: id });
    };
    return html`
      <span class="question" aria-hidden="true">Delete?</span>
      <span role="group" aria-label="Delete chat “${this.#title}”?">
        <button class="answer plain" type="button" @click=${remove}>
          Delete
        </button>
        <button
          class="answer plain keep"
          type="button"
          @click=${() => this.#turn("shown", "rondo-menu")}
        >
          Keep
        </button>
      </span>
    `;
  }

  #excerpt() {
    if (this.chat.excerpt === undefined) return nothing;
    const { before, found, after } = this.chat.excerpt;
    return html`<span class="excerpt" dir="auto"
      ><span class="visually-hidden">, </span
      >${before}<mark>${found}</mark>${after}</span
    >`;
  }

  get #title(): string {
    return this.chat.title || "Untitled chat";
  }

  #choose({ name }: ChooseEvent) {
    if (name === "rename") void this.#turn("renaming", "input");
    if (name === "delete") void this.#turn("asking", ".keep");
    const conversationId = this.chat.id;
    if (name === "copy") this.#request({ type: "copy-chat", conversationId });
    if (name === "markdown" || name === "export") {
      const format = name === "markdown" ? name : "rondo";
      this.#request({ type: "export-chat", conversationId, format });
    }
  }

  #onKeydown(event: KeyboardEvent) {
    if (event.key !== "F2" || !this.chat.isNamed) return;
    event.preventDefault();
    void this.#turn("renaming", "input");
  }

  #onNameKey(event: KeyboardEvent) {
    const isDone = event.key === "Enter" || event.key === "Escape";
    if (!isDone || isComposing(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") this.#rename();
    void this.#turn("shown", ".chat");
  }

  /** Also on blur: typed text is kept. */
  #rename() {
    const title = this.input?.value.trim() ?? "";
    if (this.mode !== "renaming") return;
    this.mode = "shown";
    if (title === "" || title === this.chat.title) return;
    const { id } = this.chat;
    this.#request({ type: "rename-chat", conversationId: id, title });
  }

  /** Shows the chat, its question or its box, and moves the focus there. */
  async #turn(mode: typeof this.mode, focus: string) {
    this.mode = mode;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(focus)?.focus();
    if (this.input === null) return;
    this.input.select();
    this.input.scrollLeft = 0;
  }

  #request(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-chat-entry": ChatEntryElement;
  }
}
