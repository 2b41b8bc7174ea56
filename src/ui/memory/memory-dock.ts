/**
 * A button in the chat's header that opens the memory panel beside the chat, or over it where space is short. The
 * panel's code is loaded at the first opening; a closed panel is removed from the page.
 */
import { html, render } from "lit";
import type { MemorySource } from "../../engine/api/kv-memory";
import type { ChatElement } from "../element/chat-element";
import { ShowEvent } from "../state/events";
import { closeIcon, memoryIcon } from "../base/icons";
import type { MemoryElement } from "./memory-element";
import type { RoundDeletedEvent } from "./base/memory-request";

/** As page.css has it. */
const COVERING = "(max-width: 899px)";
const KEY = "rondo.memory";

export class MemoryDock {
  readonly #chat: ChatElement;
  readonly #aside: HTMLElement;
  readonly #source: MemorySource;
  readonly #button = document.createElement("button");
  readonly #covering = matchMedia(COVERING);
  #panel: MemoryElement | undefined;

  constructor(chat: ChatElement, aside: HTMLElement, source: MemorySource) {
    this.#chat = chat;
    this.#aside = aside;
    this.#source = source;
    const button = this.#button;
    Object.assign(button, { type: "button", slot: "tools", className: "tool" });
    button.title = "Show the memory panel";
    button.setAttribute("aria-label", "Memory");
    button.setAttribute("aria-controls", aside.id);
    render(html`${memoryIcon}<span>Memory</span>`, button);
    button.addEventListener("click", () => void this.#toggle());
    this.#covering.addEventListener("change", this.#fit);
    this.#fit();
    chat.append(button);
    if (wasOpen() && !this.#covering.matches) void this.#open();
  }

  get #isOpen(): boolean {
    return !this.#aside.hidden;
  }

  async #toggle(): Promise<void> {
    if (this.#isOpen) {
      this.#close();
      return;
    }
    await this.#open();
    if (this.#isOpen) (this.#panel ?? this.#aside).focus();
  }

  async #open(): Promise<void> {
    const aside = this.#aside;
    aside.hidden = false;
    document.addEventListener("keydown", this.#onKeydown);
    remember(true);
    this.#fit();
    try {
      await import("./define-memory");
    } catch {
      // The server may have a newer version of the page.
      render(
        html`<p>The panel could not be loaded. Reload the page.</p>
          ${this.#closeButton()}`,
        aside,
      );
      return;
    }
    // Closed while its code was loading.
    if (!this.#isOpen) return;
    this.#panel ??= this.#newPanel();
    this.#panel.chatId = this.#chat.chatId;
    this.#chat.addEventListener(ShowEvent.type, this.#onShow);
    aside.replaceChildren(this.#panel);
    await this.#panel.updateComplete;
  }

  #close = (): void => {
    const hadFocus = this.#aside.contains(document.activeElement);
    this.#panel?.remove();
    this.#chat.removeEventListener(ShowEvent.type, this.#onShow);
    document.removeEventListener("keydown", this.#onKeydown);
    this.#aside.hidden = true;
    remember(false);
    this.#fit();
    if (hadFocus) this.#button.focus();
  };

  #newPanel(): MemoryElement {
    const panel = document.createElement("rondo-memory");
    panel.source = this.#source;
    panel.addEventListener("rondo-round-deleted", this.#onDeleted);
    render(this.#closeButton(), panel);
    return panel;
  }

  #closeButton() {
    return html`<button
      class="tool"
      slot="tools"
      type="button"
      aria-label="Close the memory panel"
      title="Close"
      @click=${this.#close}
    >
      ${closeIcon}
    </button>`;
  }

  /** A covered chat takes no focus. */
  #fit = (): void => {
    this.#chat.inert = this.#isOpen && this.#covering.matches;
    this.#button.setAttribute("aria-expanded", String(this.#isOpen));
  };

  #onShow = ({ chatId }: ShowEvent): void => {
    if (this.#panel) this.#panel.chatId = chatId;
  };

  #onDeleted = ({ chatId }: RoundDeletedEvent): void => {
    if (chatId === this.#chat.chatId) this.#chat.refresh();
  };

  /** Beside the chat, Escape is the panel's only while it has the focus. */
  #onKeydown = (event: KeyboardEvent): void => {
    const isMine =
      this.#covering.matches || this.#aside.contains(document.activeElement);
    if (event.key !== "Escape" || event.defaultPrevented || !isMine) return;
    event.preventDefault();
    this.#close();
  };
}

/** Without storage, it starts closed. */
function wasOpen(): boolean {
  try {
    return localStorage.getItem(KEY) === "open";
  } catch {
    return false;
  }
}

function remember(isOpen: boolean): void {
  try {
    if (isOpen) localStorage.setItem(KEY, "open");
    else localStorage.removeItem(KEY);
  } catch {
    // It starts closed next time.
  }
}
