import { css, html, LitElement } from "lit";
import { property, state } from "lit/decorators.js";
import { checkIcon, copyIcon } from "../base/icons";
import { base } from "../base/theme";

const SHOWN_MS = 2000;

/**
 * `<rondo-copy-button>`: copies `text` and says so.
 *
 * @csspart button - the button
 */
export class CopyButton extends LitElement {
  static override styles = [
    base,
    css`
      button {
        min-height: 1.75rem;
        padding: 0.125rem 0.5rem;
        gap: 0.375rem;
        border-radius: 0.5rem;
        font-size: 0.8125rem;
      }

      @media (pointer: coarse) {
        button {
          min-height: 2.75rem;
        }
      }

      .icon {
        width: 1rem;
        height: 1rem;
      }

      @media (pointer: coarse) {
        button {
          min-height: 2.75rem;
        }
      }
    `,
  ];

  /** The text, or a function that makes it on demand. */
  @property({ attribute: false }) text: string | (() => string) = "";
  /** What it is: "code", "reply". */
  @property() what = "";
  @state() private outcome: "" | "Copied" | "Not copied" = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.outcome = "";
  }

  override render() {
    const icon = this.outcome === "Copied" ? checkIcon : copyIcon;
    return html`
      <button
        class="plain"
        part="button"
        type="button"
        aria-label="Copy ${this.what}"
        @click=${this.#copy}
      >
        ${icon}<span aria-hidden="true">${this.outcome || "Copy"}</span>
      </button>
      <span class="visually-hidden" role="status">${this.outcome}</span>
    `;
  }

  #copy = async () => {
    const { text } = this;
    try {
      const copied = typeof text === "string" ? text : text();
      await navigator.clipboard.writeText(copied);
      this.outcome = "Copied";
    } catch {
      this.outcome = "Not copied";
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.outcome = ""), SHOWN_MS);
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-copy-button": CopyButton;
  }
}
