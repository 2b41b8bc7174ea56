import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { modelIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

const TINY = `This model is tiny. It likes plain English, remembers the simple things you tell it, and
  drifts into cheerful nonsense about most others.`;

/**
 * `<rondo-welcome>`: shown in an empty chat: what Rondo is, and a button for other models.
 *
 * @slot - instead of the welcome text
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

      button {
        margin-top: 0.375rem;
      }

      .small {
        color: var(--_muted);
        font-size: 0.9375rem;
      }
    `,
  ];

  /** The model's name, unless it is the bundled one. */
  @property({ attribute: false }) modelName = "";
  /** Whether to show the button for other models; not where the dock has it. */
  @property({ attribute: false }) offersModels = true;

  override render() {
    return html`
      <slot>
        <h2>A chat that stays on this device</h2>
        <p>
          Rondo runs a language model on your own GPU, inside this page: nothing
          you write leaves it.
        </p>
        <p class="small">${this.modelName === "" ? TINY : this.#other()}</p>
        ${this.offersModels ? this.#button() : nothing}
      </slot>
    `;
  }

  #button() {
    return html`<button
      type="button"
      aria-haspopup="dialog"
      @click=${() =>
        this.dispatchEvent(new RequestEvent({ type: "show-models" }))}
    >
      ${modelIcon}Choose ${this.modelName === "" ? "a larger" : "another"} model
    </button>`;
  }

  #other() {
    return html`The model is <bdi>${this.modelName}</bdi>. What it says may be
      wrong: check what matters.`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-welcome": Welcome;
  }
}
