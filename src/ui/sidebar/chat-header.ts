import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import {
  instructionsIcon,
  panelIcon,
  plusIcon,
  settingsIcon,
} from "../base/icons";
import { RequestEvent, type ChatRequest } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-header>`: the chat's title, and buttons for the list of chats, its instructions and the settings.
 *
 * @slot tools - more buttons, at its right
 */
export class ChatHeader extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      .bar {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        min-height: 3.5rem;
        padding: 0 0.75rem;
      }

      .title {
        flex: 1;
        min-width: 0;
      }

      h2 {
        margin: 0;
        overflow: hidden;
        color: var(--_muted);
        font-size: 0.9375rem;
        font-weight: 400;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      /* Where it is narrow, the title needs the room. */
      :host([narrow]) .bar {
        gap: 0.125rem;
        padding-inline: 0.5rem;
      }

      .instructions.is-set {
        color: var(--_accent);
      }
    `,
  ];

  /** The chat's title; empty while it is new. */
  @property({ attribute: false }) chatTitle = "";
  /** Whether the list of chats doesn't fit beside the chat. */
  @property({ type: Boolean, reflect: true }) narrow = false;
  @property({ attribute: false }) isPanelOpen = true;
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = true;
  @property({ attribute: false }) hasInstructions = false;
  @query(".toggle") private toggle!: HTMLElement;

  /** Focuses the button for the list of chats. */
  override focus(options?: FocusOptions): void {
    this.toggle.focus(options);
  }

  override render() {
    const { chatTitle, isPanelOpen, narrow } = this;
    return html`
      <div class="bar">
        <button
          class="toggle plain square"
          type="button"
          aria-label="Chats"
          aria-expanded=${isPanelOpen}
          @click=${() => this.#ask({ type: "toggle-panel" })}
        >
          ${panelIcon}
        </button>
        <div class="title">
          ${chatTitle === "" ? nothing : html`<h2 dir="auto">${chatTitle}</h2>`}
        </div>
        ${this.mayWrite ? this.#instructionsButton() : nothing}
        <button
          class="plain square"
          type="button"
          aria-label="Settings…"
          aria-haspopup="dialog"
          title="Settings"
          @click=${() => this.#ask({ type: "show-settings" })}
        >
          ${settingsIcon}
        </button>
        <button
          class="plain square"
          type="button"
          aria-label="New chat"
          title="New chat"
          ?hidden=${!narrow && isPanelOpen}
          @click=${() => this.#ask({ type: "new-chat" })}
        >
          ${plusIcon}
        </button>
        <slot name="tools"></slot>
      </div>
    `;
  }

  #instructionsButton() {
    const { hasInstructions } = this;
    return html`
      <button
        class="instructions plain square ${hasInstructions ? "is-set" : ""}"
        type="button"
        aria-label="Instructions…"
        aria-haspopup="dialog"
        title=${hasInstructions ? "Instructions (set)" : "Instructions"}
        @click=${() => this.#ask({ type: "show-instructions" })}
      >
        ${instructionsIcon}
      </button>
    `;
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-header": ChatHeader;
  }
}
