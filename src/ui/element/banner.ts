import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { alertIcon, closeIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";
import type { Warning } from "../state/warnings";

/** `<rondo-banner>`: warnings, announced politely, until they are dismissed. */
export class Banner extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        width: 100%;
        max-width: var(--_measure);
        max-height: 9rem;
        margin: 0 auto;
        padding: 0 1rem;
        overflow-y: auto;
      }

      .warning {
        display: grid;
        grid-template-columns: auto 1fr auto;
        align-items: start;
        gap: 0 0.75rem;
        margin-bottom: 0.5rem;
        padding: 0.375rem 0.375rem 0.375rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 1rem;
        background: var(--_raised);
        font-size: 0.9375rem;
        line-height: 1.45;
      }

      .warning > .icon {
        margin-top: 0.5625rem;
        color: var(--_alert);
      }

      p {
        margin: 0;
        padding-block: 0.4375rem;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) warnings: readonly Warning[] = [];

  override render() {
    // Always rendered: screen readers announce changes inside a status region, not a region that is inserted.
    return html`
      <div role="status">
        ${repeat(
          this.warnings,
          ({ key }) => key,
          ({ key, message }) => html`
            <div class="warning">
              ${alertIcon}
              <p>${message}</p>
              <button
                class="plain square"
                type="button"
                aria-label="Dismiss"
                title="Dismiss"
                @click=${() => this.#dismiss(key)}
              >
                ${closeIcon}
              </button>
            </div>
          `,
        )}
      </div>
    `;
  }

  #dismiss(key: string) {
    this.dispatchEvent(new RequestEvent({ type: "dismiss", key }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-banner": Banner;
  }
}
