import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import type { ModelInfo } from "../../engine/api/models";
import type { ChatEntry } from "./chat-entry";
import type { ChatList } from "./chat-list";
import type { SearchState } from "../state/chats/chat-search";
import { closeIcon, importIcon, modelIcon, plusIcon } from "../base/icons";
import { RequestEvent, type ChatRequest } from "../state/request";
import { base } from "../base/theme";

/** The second is for phones: where an ending has no known type, they would offer no file at all. */
const CHAT_FILES = ".rondo,application/octet-stream";

/**
 * `<rondo-side-panel>`: the brand, a button for a new chat, search, the list of chats, a button to import one, and
 * the model and device; the model's button opens the picker.
 *
 * @slot brand - the logo and the name
 * @slot footer - under the model's line
 */
export class SidePanel extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        background: var(--_panel);
      }

      .bar {
        display: flex;
        align-items: center;
        justify-content: space-between;
        min-height: 3.5rem;
        padding-inline: 1.375rem 0.625rem;
      }

      .new {
        justify-content: start;
        margin: 0.25rem 0.75rem 1rem;
        padding-inline: 0.75rem;
      }

      rondo-search-box {
        margin: 0 0.75rem 0.75rem;
      }

      .close {
        display: none;
      }

      :host([drawer]) .close {
        display: inline-flex;
      }

      nav {
        flex: 1;
        min-height: 0;
        padding: 0.25rem 0.75rem;
        overflow-y: auto;
      }

      .import {
        align-self: start;
        margin: 0.25rem 0.75rem 0.5rem;
        padding-inline: 0.75rem;
        font-size: 0.9375rem;
      }

      footer {
        padding: 0.875rem 0.75rem calc(1rem + env(safe-area-inset-bottom));
        border-top: 1px solid var(--_line);
        color: var(--_muted);
        font-size: 0.8125rem;
        line-height: 1.5;
      }

      footer p {
        margin: 0;
        padding-inline: calc(0.75rem + 1px);
        overflow-wrap: anywhere;
      }

      .model {
        width: 100%;
        margin-bottom: 0.375rem;
        padding-inline: 0.75rem 0.375rem;
        justify-content: start;
        text-align: start;
        line-height: 1.35;
      }

      .model span {
        min-width: 0;
        overflow-wrap: anywhere;
      }

      .model .icon {
        color: var(--_muted);
      }

      footer p + p {
        margin-top: 0.375rem;
      }
    `,
  ];

  /** The chats found by the search, or all. */
  @property({ attribute: false }) chats: readonly ChatEntry[] = [];
  @property({ attribute: false }) search: SearchState = {
    query: "",
    isSearching: false,
    isOffered: false,
  };
  @property({ attribute: false }) model: ModelInfo | undefined;
  /** Whether it covers the chat and needs a close button. */
  @property({ type: Boolean, reflect: true }) drawer = false;
  /** Whether chats are saved. */
  @property({ attribute: false }) keeping = true;
  /** Whether the user may choose another model. */
  @property({ attribute: false }) mayChooseModel = true;
  @query("input") private file!: HTMLInputElement;
  @query("rondo-chat-list") private list!: ChatList;

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>(".new")?.focus(options);
  }

  override render() {
    return html`
      <div class="bar">
        <slot name="brand"></slot>
        <button
          class="close plain square"
          type="button"
          aria-label="Close the list of chats"
          @click=${() => this.#ask({ type: "toggle-panel" })}
        >
          ${closeIcon}
        </button>
      </div>
      <button
        class="new"
        type="button"
        @click=${() => this.#ask({ type: "new-chat" })}
      >
        ${plusIcon}New chat
      </button>
      ${
        this.search.isOffered
          ? html`<rondo-search-box
              .search=${this.search}
              .foundCount=${this.chats.length}
              @rondo-leave=${() => this.list.focus()}
            ></rondo-search-box>`
          : nothing
      }
      <nav aria-label="Chats">
        <rondo-chat-list
          exportparts="chat"
          .chats=${this.chats}
        ></rondo-chat-list>
      </nav>
      <button
        class="import plain"
        type="button"
        @click=${() => this.file.click()}
      >
        ${importIcon}Import a chat
      </button>
      <input
        type="file"
        accept=${CHAT_FILES}
        aria-label="Chat to import"
        hidden
        @change=${this.#import}
      />
      <footer>
        ${this.mayChooseModel ? this.#modelButton() : nothing}
        ${
          this.model && !this.mayChooseModel
            ? html`<p>${modelLine(this.model)}</p>`
            : nothing
        }
        ${this.model ? html`<p>${deviceLine(this.model)}</p>` : nothing}
        <p>
          ${
            this.keeping
              ? "Chats are saved in this browser."
              : "Chats are lost when the page is reloaded."
          }
        </p>
        <slot name="footer"></slot>
      </footer>
    `;
  }

  #modelButton() {
    return html`<button
      class="model"
      type="button"
      aria-haspopup="dialog"
      title="Choose a model"
      @click=${() => this.#ask({ type: "show-models" })}
    >
      ${modelIcon}<span
        >${this.model ? modelLine(this.model) : "Choose a model"}</span
      >
    </button>`;
  }

  #import() {
    const [file] = this.file.files ?? [];
    // The same file may be chosen again.
    this.file.value = "";
    if (file !== undefined) this.#ask({ type: "import-chat", file });
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

function modelLine({ name, parameterCount, server }: ModelInfo) {
  if (server)
    return html`<span class="visually-hidden">Model: </span><bdi>${name}</bdi>`;
  const size = new Intl.NumberFormat("en", {
    notation: "compact",
    maximumSignificantDigits: 2,
  }).format(parameterCount);
  return html`<span class="visually-hidden">Model: </span><bdi>${name}</bdi> ·
    ${size} parameters`;
}

function deviceLine({ device, server }: ModelInfo): string {
  if (server) return `Runs on a server: ${new URL(server.endpoint).host}`;
  if (device === undefined) return "";
  if (device.isSoftware)
    return "No GPU: running on the CPU, so replies are slow.";
  return device.description || device.architecture || device.vendor;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-side-panel": SidePanel;
  }
}
