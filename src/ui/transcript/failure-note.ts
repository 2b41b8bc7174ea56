import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { describeError } from "../base/describe-error";
import { alertIcon } from "../base/icons";
import { base } from "../base/theme";

/**
 * `<rondo-failure-note>`: why something in the chat failed, and what helps.
 *
 * @slot - buttons
 */
export class FailureNote extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      div {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.25rem 0.75rem;
        margin-top: 0.75rem;
        padding: 0.875rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 0.75rem;
      }

      div > * {
        grid-column: 2;
      }

      .icon {
        grid-column: 1;
        margin-top: 0.2rem;
        color: var(--_alert);
      }

      p {
        margin: 0;
      }

      .detail {
        color: var(--_muted);
        font-size: 0.875rem;
        overflow-wrap: anywhere;
      }

      slot {
        display: flex;
        flex-wrap: wrap;
        gap: 0 0.5rem;
      }

      ::slotted(*) {
        margin-top: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) error!: Error;

  override render() {
    const { title, advice, detail } = describeError(this.error);
    return html`
      <div role="alert">
        ${alertIcon}
        <p><strong>${title}.</strong> ${advice}</p>
        ${detail === "" ? nothing : html`<p class="detail">${detail}</p>`}
        <slot></slot>
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-failure-note": FailureNote;
  }
}
