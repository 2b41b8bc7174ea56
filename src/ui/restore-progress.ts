import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { RestoreProgress } from "../engine/chat-engine";
import { base } from "./theme";

/**
 * `<rondo-restore-progress>`: how much of a kept chat the model has back, in a quiet line. One may type
 * and send meanwhile.
 *
 * @csspart bar - the progress bar
 */
export class RestoreProgressElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
        /* What takes no time need not flash by. */
        animation: appear 0s 200ms both;
      }

      @keyframes appear {
        from {
          visibility: hidden;
        }
      }

      label {
        display: block;
        padding-bottom: 0.25rem;
      }

      progress {
        appearance: none;
        display: block;
        width: 100%;
        height: 2px;
        border: 0;
        border-radius: 1rem;
        background: var(--_line);
        overflow: hidden;
      }

      progress::-webkit-progress-bar {
        background: var(--_line);
      }

      progress::-webkit-progress-value {
        background: var(--_accent);
        transition: inline-size 200ms;
      }

      progress::-moz-progress-bar {
        background: var(--_accent);
      }

      @media (forced-colors: active) {
        progress {
          --_line: GrayText;
          --_accent: Highlight;
          forced-color-adjust: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) progress!: RestoreProgress;

  override render() {
    const { doneTokens, totalTokens } = this.progress;
    if (totalTokens === 0) return nothing;
    const done = doneTokens.toLocaleString("en");
    const total = totalTokens.toLocaleString("en");
    return html`
      <label for="bar">Bringing back ${done} of ${total} tokens…</label>
      <progress
        id="bar"
        part="bar"
        max=${totalTokens}
        .value=${doneTokens}
      ></progress>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-restore-progress": RestoreProgressElement;
  }
}
