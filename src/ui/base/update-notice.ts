import { css, html, LitElement, nothing } from "lit";
import { state } from "lit/decorators.js";
import { closeIcon } from "./icons";
import { base, theme } from "./theme";

/** `<rondo-update-notice>`: says, above all else on the page, that a new version is ready. */
export class UpdateNotice extends LitElement {
  static override styles = [
    theme,
    base,
    css`
      :host {
        display: block;
        background: var(--_panel);
        color: var(--_text);
        font-family: var(--_font);
        font-size: 0.9375rem;
      }

      .notice {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 0.25rem 0.75rem;
        padding: calc(0.375rem + env(safe-area-inset-top)) 0.75rem 0.375rem;
        border-bottom: 1px solid var(--_line);
      }

      p {
        margin: 0;
        line-height: 1.3;
      }
    `,
  ];

  @state() private reload: (() => void) | undefined;

  /** @param reload what the button does */
  offer(reload: () => void): void {
    this.reload = reload;
  }

  override render() {
    // Always rendered: screen readers announce changes inside a status region, not a region that is inserted.
    return html`<div role="status">
      ${this.reload === undefined ? nothing : this.#notice(this.reload)}
    </div>`;
  }

  #notice(reload: () => void) {
    return html`
      <div class="notice">
        <p>A new version is ready.</p>
        <button class="small" type="button" @click=${reload}>Reload</button>
        <button
          class="plain small square"
          type="button"
          aria-label="Later"
          title="Later"
          @click=${() => (this.reload = undefined)}
        >
          ${closeIcon}
        </button>
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-update-notice": UpdateNotice;
  }
}
