import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { RestoreProgress } from "../../engine/api/kv-memory";
import { taskLine } from "./task-line";
import { base } from "../base/theme";

/**
 * `<rondo-restore-progress>`: how much of a saved chat's KV is restored, in one line. Messages can be typed and sent
 * meanwhile.
 *
 * @csspart bar - the progress bar
 */
export class RestoreProgressElement extends LitElement {
  static override styles = [
    base,
    taskLine,
    css`
      :host {
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
    `,
  ];

  @property({ attribute: false }) progress!: RestoreProgress;

  override render() {
    const { doneTokens, totalTokens } = this.progress;
    if (totalTokens === 0) return nothing;
    const done = doneTokens.toLocaleString("en");
    const total = totalTokens.toLocaleString("en");
    return html`
      <label for="bar">Restoring ${done} of ${total} tokens…</label>
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
