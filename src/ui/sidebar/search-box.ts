import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { SearchState } from "../state/chats/chat-search";
import { isComposing } from "../composer/composer";
import { closeIcon, searchIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-search-box>`: the box to search chats, and the number of results.
 *
 * @fires rondo-leave - the focus should move to the results
 */
export class SearchBox extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      .box {
        position: relative;
        display: flex;
        align-items: center;
      }

      .box > .icon {
        position: absolute;
        inset-inline-start: 0.75rem;
        color: var(--_muted);
        pointer-events: none;
      }

      input {
        width: 100%;
        min-width: 0;
        min-height: 2.25rem;
        padding: 0.25rem 2.5rem;
        border: 1px solid
          color-mix(in srgb, var(--_line) 70%, var(--_control-line));
        border-radius: 0.625rem;
        background: var(--_raised);
        color: var(--_text);
        font: inherit;
        appearance: none;
      }

      input:hover {
        border-color: var(--_control-line);
      }

      input::placeholder {
        color: var(--_muted);
        opacity: 1;
      }

      input::-webkit-search-cancel-button {
        display: none;
      }

      input:focus-visible {
        border-color: var(--_accent);
        outline-width: 1px;
        outline-offset: 0;
      }

      button.square {
        position: absolute;
        inset-inline-end: 0;
      }

      p {
        margin: 0;
        padding: 0.625rem calc(0.75rem + 1px) 0;
        color: var(--_muted);
        font-size: 0.8125rem;
        line-height: 1.4;
        overflow-wrap: anywhere;
      }

      @media (pointer: coarse) {
        input {
          min-height: 2.75rem;
          padding-inline-end: 3rem;
          font-size: max(1rem, 16px);
        }
      }
    `,
  ];

  @property({ attribute: false }) search!: SearchState;
  @property({ attribute: false }) foundCount = 0;
  @query("input") private input!: HTMLInputElement;

  override focus(options?: FocusOptions): void {
    this.input.focus(options);
  }

  override render() {
    const { query } = this.search;
    return html`
      <div class="box" role="search">
        ${searchIcon}
        <input
          type="search"
          aria-label="Search chats"
          placeholder="Search"
          autocomplete="off"
          enterkeyhint="search"
          maxlength="200"
          .value=${live(query)}
          @input=${() => this.#ask(this.input.value)}
          @keydown=${this.#onKeydown}
        />
        ${
          query === ""
            ? nothing
            : html`<button
                class="plain square"
                type="button"
                aria-label="Clear the search"
                title="Clear"
                @click=${this.#clear}
              >
                ${closeIcon}
              </button>`
        }
      </div>
      <div role="status">${this.#result()}</div>
    `;
  }

  /** Shown once the search is done. */
  #result() {
    const { query, isSearching } = this.search;
    if (query.trim() === "" || (isSearching && this.foundCount === 0))
      return nothing;
    const [count, noun] =
      this.foundCount === 0
        ? ["No", "chat"]
        : [this.foundCount, this.foundCount === 1 ? "chat" : "chats"];
    return html`<p>${count} ${noun} found</p>`;
  }

  #onKeydown(event: KeyboardEvent) {
    if (isComposing(event)) return;
    const isFilled = this.search.query !== "";
    if (event.key === "Escape" && isFilled) {
      this.#clear();
      event.stopPropagation();
    } else if (["ArrowDown", "Enter"].includes(event.key)) {
      this.dispatchEvent(new Event("rondo-leave"));
    } else return;
    event.preventDefault();
  }

  #clear() {
    this.#ask("");
    this.focus();
  }

  #ask(query: string) {
    this.dispatchEvent(new RequestEvent({ type: "search-chats", query }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-search-box": SearchBox;
  }
}
