import { css, html, LitElement, nothing, type SVGTemplateResult } from "lit";
import { property, query } from "lit/decorators.js";
import { moreIcon } from "./icons";
import { base } from "./theme";

export interface MenuItem {
  name: string;
  label: string;
  icon: SVGTemplateResult;
}

/** An item was chosen. Does not bubble beyond the parent element. */
export class ChooseEvent extends Event {
  static readonly type = "rondo-choose";
  readonly name: string;

  constructor(name: string) {
    super(ChooseEvent.type);
    this.name = name;
  }
}

/** Space that a menu needs below its button; with less, it opens above. */
const MENU_PX = 170;

/**
 * `<rondo-menu>`: a button with three dots that opens a few more. It is a popover: the browser lays it
 * over everything, and closes it on Escape or a press elsewhere.
 *
 * @fires rondo-choose - ChooseEvent: an item was chosen
 */
export class Menu extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: inline-block;
      }

      .items {
        position: fixed;
        inset: auto;
        width: max-content;
        min-width: 9.5rem;
        max-width: calc(100vw - 1rem);
        margin: 0;
        padding: 0.3125rem;
        border: 1px solid var(--_line);
        border-radius: 0.875rem;
        background: var(--_raised);
        color: var(--_text);
        box-shadow: 0 6px 24px rgb(0 0 0 / 14%);
      }

      .items:popover-open {
        display: grid;
      }

      .items button {
        justify-content: start;
        gap: 0.75rem;
        padding-inline: 0.75rem;
        border-color: transparent;
        background: none;
        font-size: 0.9375rem;
      }

      .items button:hover,
      .items button:focus-visible {
        background: color-mix(in srgb, var(--_text) 7%, transparent);
      }

      .items button:focus-visible {
        outline-offset: -2px;
      }

      .items .icon {
        color: var(--_muted);
      }

      .more[aria-expanded="true"] {
        background: color-mix(in srgb, var(--_text) 7%, transparent);
        color: var(--_text);
      }
    `,
  ];

  /** What the button is called. */
  @property() label = "";
  @property({ attribute: false }) items: readonly MenuItem[] = [];
  /** Whether it can't be opened now. */
  @property({ type: Boolean }) disabled = false;
  @query(".more") private button!: HTMLElement;
  @query(".items") private popup!: HTMLElement;

  override focus(options?: FocusOptions): void {
    this.button.focus(options);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("wheel", this.#close);
  }

  override render() {
    return html`
      <button
        class="more plain square"
        type="button"
        aria-label=${this.label}
        title="More"
        aria-disabled=${this.disabled ? "true" : nothing}
        popovertarget=${this.disabled ? nothing : "items"}
      >
        ${moreIcon}
      </button>
      <div
        class="items"
        id="items"
        popover
        role="group"
        aria-label=${this.label}
        @beforetoggle=${this.#onBeforeToggle}
        @toggle=${this.#onToggle}
        @keydown=${this.#onKeydown}
      >
        ${this.items.map(
          ({ name, label, icon }) => html`
            <button type="button" @click=${() => this.#choose(name)}>
              ${icon}${label}
            </button>
          `,
        )}
      </div>
    `;
  }

  #onBeforeToggle(event: ToggleEvent) {
    if (event.newState === "open") this.#place();
    else if (this.popup.matches(":focus-within")) this.focus();
  }

  /** Below its button, or over it where there is no room. */
  #place() {
    const { clientHeight, clientWidth } = document.documentElement;
    const { top, bottom, left, right } = this.button.getBoundingClientRect();
    const isBelow = bottom + MENU_PX < clientHeight;
    const isRightToLeft = getComputedStyle(this).direction === "rtl";
    const { style } = this.popup;
    style.top = isBelow ? `${bottom + 4}px` : "auto";
    style.bottom = isBelow ? "auto" : `${clientHeight - top + 4}px`;
    style.left = isRightToLeft ? `${left}px` : "auto";
    style.right = isRightToLeft ? "auto" : `${clientWidth - right}px`;
  }

  #onToggle(event: ToggleEvent) {
    removeEventListener("wheel", this.#close);
    if (event.newState === "closed") return;
    this.popup.querySelector("button")?.focus();
    // The menu would not follow its button when the page scrolls.
    addEventListener("wheel", this.#close, { passive: true });
  }

  #close = () => this.popup.hidePopover();

  #onKeydown(event: KeyboardEvent) {
    // The browser closes the menu; the chat around it must not take the key for itself.
    if (event.key === "Escape") event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.popup.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button.matches(":focus"));
    buttons.at((at + step) % buttons.length)?.focus();
  }

  #choose(name: string) {
    this.#close();
    this.dispatchEvent(new ChooseEvent(name));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-menu": Menu;
  }
}
