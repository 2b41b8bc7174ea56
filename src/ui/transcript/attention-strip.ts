import { css, html, LitElement, nothing, svg } from "lit";
import { property } from "lit/decorators.js";
import type { Attention, AttentionMark } from "./attention";
import { AttentionEvent } from "./attention-event";
import { base } from "../base/theme";

/** Width of a round in the strip, while there is room for all. */
const ROUND_PX = 10;
const STRIP_PX = 12;

/**
 * `<rondo-attention>`: all rounds before a reply as a strip with the attended ones marked, and a list of links to
 * these.
 *
 * @fires rondo-attention - AttentionEvent "go": the reader wants to go to a round
 */
export class AttentionStrip extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        padding: 0.75rem;
        border: 1px solid var(--_line);
        border-radius: 0.75rem;
        background: var(--_raised);
        font-size: 0.875rem;
      }

      p {
        margin: 0;
        color: var(--_muted);
      }

      .strip {
        display: block;
        max-width: 100%;
        height: ${STRIP_PX}px;
        margin: 0.5rem 0;
        color: var(--_line);
      }

      .strip .marked {
        color: var(--_accent);
      }

      .hidden {
        margin-top: 1rem;
      }

      ul {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        max-height: 19rem;
        margin: 0 -0.5rem -0.5rem;
        padding: 0;
        overflow-y: auto;
        list-style: none;
      }

      li {
        display: grid;
        grid-template-columns: subgrid;
        grid-column: 1 / -1;
      }

      li button {
        display: grid;
        grid-template-columns: subgrid;
        grid-column: 1 / -1;
        gap: 0.625rem;
        padding-inline: 0.5rem;
        border-color: transparent;
        background: none;
        text-align: start;
        font-size: inherit;
      }

      li button:hover {
        background: color-mix(in srgb, var(--_text) 7%, transparent);
      }

      li button:focus-visible {
        outline-offset: -2px;
      }

      .place {
        color: var(--_muted);
        text-align: end;
        font-variant-numeric: tabular-nums;
      }

      .words {
        min-width: 0;
        overflow: hidden;
        color: var(--_accent);
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .why {
        color: var(--_muted);
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  @property({ attribute: false }) attention!: Attention;

  override render() {
    const { marks } = this.attention;
    return html`
      ${this.#strip()}
      ${
        marks.length === 0
          ? nothing
          : html`<ul aria-label="Rounds that this reply attended to">
              ${marks.map((mark) => this.#item(mark))}
            </ul>`
      }
      ${this.#hidden()}
    `;
  }

  /** One path for all rounds and one for those that are marked: a chat may have thousands. */
  #strip() {
    const { marks, roundCount } = this.attention;
    const marked = new Set(marks.map(({ place }) => place - 1));
    const all = Array.from({ length: roundCount }, (_, at) => at);
    const others = all.filter((at) => !marked.has(at));
    // Marked rounds stay visible however many rounds there are.
    const thin = roundCount > 60 ? 1 : 0.8;
    const thick = Math.max(thin, roundCount / 150);
    const bars = (places: Iterable<number>, width: number, top: number) =>
      Array.from(places, (at) => {
        const x = Math.min(at, roundCount - width);
        return `M${x} ${top}h${width}v${STRIP_PX - 2 * top}h${-width}z`;
      }).join("");
    return svg`<svg class="strip" viewBox="0 0 ${roundCount} ${STRIP_PX}" width=${roundCount * ROUND_PX}
      height=${STRIP_PX} preserveAspectRatio="none" aria-hidden="true">
      <path fill="currentColor" d=${bars(others, thin, 3)} />
      <path class="marked" fill="currentColor" d=${bars(marked, thick, 0)} />
    </svg>`;
  }

  #item({ roundId, place, words, why }: AttentionMark) {
    const go = () => this.dispatchEvent(new AttentionEvent("go", roundId));
    return html`<li>
      <button type="button" @click=${go}>
        <span class="place">
          <span class="visually-hidden">Round </span>${place}
        </span>
        <span class="words" dir="auto">${words}</span>
        <span class="why">${why}</span>
      </button>
    </li>`;
  }

  #hidden() {
    const { hiddenCount, marks } = this.attention;
    if (hiddenCount === 0) return nothing;
    const count = hiddenCount.toLocaleString("en");
    const more = marks.length === 0 ? "" : " more";
    return html`<p class="hidden">
      ${count}${more} ${hiddenCount === 1 ? "is" : "are"} in another branch, or
      deleted.
    </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-attention": AttentionStrip;
  }
}
