import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { base } from "../base/theme";

/**
 * `<rondo-thinking>`: what a model thought before its answer. In sight while it thinks, folded afterwards.
 */
export class ThinkingElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        margin-bottom: 0.75rem;
        color: var(--_muted);
        font-size: 0.9375rem;
      }

      summary {
        width: fit-content;
        border-radius: 0.25rem;
        cursor: pointer;
        font-variant-numeric: tabular-nums;
      }

      @media (pointer: coarse) {
        summary {
          padding-block: 0.625rem;
        }
      }

      rondo-markdown {
        margin-top: 0.5rem;
        padding-inline-start: 0.875rem;
        border-inline-start: 3px solid var(--_line);
      }
    `,
  ];

  @property({ attribute: false }) text = "";
  /** Whether the model is still thinking. */
  @property({ attribute: false }) isThinking = false;
  /** How long it thought; undefined where nobody measured it. */
  @property({ attribute: false }) thoughtMs: number | undefined;

  override render() {
    return html`
      <details part="thinking" ?open=${this.isThinking}>
        <summary>${this.#title}</summary>
        <rondo-markdown
          .text=${this.text}
          .writing=${this.isThinking}
        ></rondo-markdown>
      </details>
    `;
  }

  get #title(): string {
    if (this.isThinking) return "Thinking…";
    if (this.thoughtMs === undefined) return "Thoughts";
    return `Thought for ${duration(this.thoughtMs)}`;
  }
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${Math.max(1, seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-thinking": ThinkingElement;
  }
}
