import { css, html, LitElement } from "lit";
import { base } from "./theme";

/**
 * `<rondo-welcome>`: what an empty chat shows: what this is.
 *
 * @slot - instead of the words of welcome
 */
export class Welcome extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      h2 {
        margin: 0 0 0.75rem;
        font: 400 clamp(1.75rem, 1.4rem + 1.6vw, 2.375rem) / 1.15
          var(--_display);
        letter-spacing: -0.015em;
        text-wrap: balance;
      }

      p {
        max-width: 36rem;
        margin: 0 0 0.625rem;
        text-wrap: pretty;
      }

      .small {
        color: var(--_muted);
        font-size: 0.9375rem;
      }
    `,
  ];

  override render() {
    return html`
      <slot>
        <h2>A chat that stays on this device</h2>
        <p>
          Rondo runs a language model on your own GPU, inside this page: nothing
          you write leaves it.
        </p>
        <p class="small">
          This model is a tiny one. It likes plain English, remembers the simple
          things you tell it, and drifts into cheerful nonsense about most
          others.
        </p>
      </slot>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-welcome": Welcome;
  }
}
