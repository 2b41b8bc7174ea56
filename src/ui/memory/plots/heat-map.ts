import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { VerifyReport } from "../../../engine/api/kv-memory";
import { base } from "../../base/theme";
import { ColourScheme } from "../base/colour-scheme";
import { shareText } from "../base/figures";
import {
  cellAt,
  cellText,
  darkness,
  mapText,
  maxMass,
  type HeatCell,
} from "./heat";
import { section } from "../base/memory-styles";

/** Height of a layer; less in models of many layers. */
const ROW_PX = 12;
const MAP_PX = 320;

/** `<rondo-heat-map>`: how a turn's attention fell on the rounds, layer by layer, with the watershed. */
export class HeatMap extends LitElement {
  static override styles = [
    base,
    section,
    css`
      .map {
        position: relative;
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.25rem 0.5rem;
        color: var(--_muted);
        font-size: 0.75rem;
        line-height: 1;
      }

      .layers {
        display: flex;
        flex-direction: column;
        justify-content: space-between;
        text-align: end;
      }

      .rounds {
        display: flex;
        grid-column: 2;
        justify-content: space-between;
      }

      .frame {
        position: relative;
        border: 1px solid var(--_line);
      }

      canvas {
        display: block;
        width: 100%;
        height: 100%;
        image-rendering: pixelated;
      }

      .watershed {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        overflow: visible;
        pointer-events: none;
      }

      line {
        stroke: var(--_text);
        stroke-width: 2;
        stroke-dasharray: 5 3;
      }

      .readout {
        min-height: 2.4em;
        margin: 0.5rem 0 0;
      }

      .scroll {
        max-height: 20rem;
      }
    `,
  ];

  /** The last verification's report. */
  @property({ attribute: false }) report: VerifyReport | undefined;
  /** The last layer of the lower half. */
  @property({ attribute: false }) watershed = 0;
  @query("canvas") private canvas!: HTMLCanvasElement | null;
  @state() private pointedAt: HeatCell | undefined;
  @state() private isOpen = false;
  readonly #scheme = new ColourScheme(this, () => this.#draw());

  protected override updated(): void {
    this.#draw();
  }

  override render() {
    const { report } = this;
    if (report === undefined || report.roundIds.length === 0)
      return html`
        <h3>Attention by layer</h3>
        <p class="note">
          ${
            report === undefined
              ? "Press “Verify this turn” to see how each layer’s attention falls on the rounds."
              : "The verified turn had no earlier rounds."
          }
        </p>
      `;
    return html`
      <h3>
        Attention by layer <span class="note">round ${report.roundId}</span>
      </h3>
      ${this.#map(report)}
      <p class="readout note">
        ${
          this.pointedAt === undefined
            ? `Stronger colour means more attention; the maximum is ${shareText(maxMass(report))}. The dashed line is the watershed.`
            : cellText(this.pointedAt)
        }
      </p>
      <details @toggle=${this.#toggle}>
        <summary>As a table</summary>
        ${this.isOpen ? table(report) : nothing}
      </details>
    `;
  }

  #map(report: VerifyReport) {
    const { mass, roundIds } = report;
    const layers = mass.length;
    const height = Math.min(layers * ROW_PX, MAP_PX);
    const y = `${((layers - 1 - this.watershed) / layers) * 100}%`;
    return html`
      <div class="map">
        <div class="layers" aria-hidden="true">
          <span>layer ${layers - 1}</span><span>0</span>
        </div>
        <div
          class="frame"
          .style=${`height: ${height}px`}
          @pointermove=${this.#point}
          @pointerleave=${() => (this.pointedAt = undefined)}
        >
          <canvas
            role="img"
            aria-label=${mapText(report, this.watershed)}
            width=${roundIds.length}
            height=${layers}
          ></canvas>
          <svg class="watershed" aria-hidden="true">
            <line x1="0" x2="100%" y1=${y} y2=${y} />
          </svg>
        </div>
        <div class="rounds" aria-hidden="true">
          <span>${nameOf(roundIds[0])}</span>
          <span>${nameOf(roundIds.at(-1))}</span>
        </div>
      </div>
    `;
  }

  /** One pixel per cell: the browser scales the canvas. */
  #draw(): void {
    const { canvas, report } = this;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !report) return;
    const max = maxMass(report);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = this.#scheme.colour("--_accent");
    for (let row = 0; row < canvas.height; row++) {
      for (let column = 0; column < canvas.width; column++) {
        const cell = cellAt(report, row, column);
        context.globalAlpha = darkness(cell?.mass ?? 0, max);
        context.fillRect(column, row, 1, 1);
      }
    }
  }

  #point = ({ clientX, clientY, currentTarget }: PointerEvent) => {
    const { report } = this;
    if (!report || !(currentTarget instanceof Element)) return;
    const { height, left, top, width } = currentTarget.getBoundingClientRect();
    const row = Math.floor(((clientY - top) / height) * report.mass.length);
    const column = Math.floor(
      ((clientX - left) / width) * report.roundIds.length,
    );
    this.pointedAt = cellAt(report, row, column);
  };

  #toggle = ({ target }: Event) => {
    this.isOpen = (target as HTMLDetailsElement).open;
  };
}

const nameOf = (roundId: number | undefined) =>
  roundId === 0 ? "system" : `round ${roundId}`;

/** Layers as columns: there are fewer of them than rounds. */
function table({ mass, roundIds }: VerifyReport) {
  return html`
    <div
      class="scroll"
      tabindex="0"
      role="group"
      aria-label="Table of attention"
    >
      <table>
        <thead>
          <tr>
            <th scope="col">Round</th>
            ${mass.map((_, layer) => html`<th class="number" scope="col">Layer ${layer}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${roundIds.map(
            (roundId, column) =>
              html`<tr>
                <th scope="row">${roundId === 0 ? "system" : roundId}</th>
                ${mass.map((row) => html`<td class="number">${shareText(row[column] ?? 0)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-heat-map": HeatMap;
  }
}
