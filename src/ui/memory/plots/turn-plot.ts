import { css, html, LitElement, unsafeCSS, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import uPlot from "uplot";
import uPlotStyles from "uplot/dist/uPlot.min.css?inline";
import { base } from "../../base/theme";
import { ColourScheme } from "../base/colour-scheme";
import { section } from "../base/memory-styles";
import type { TurnPlot } from "./turn-figures";

const HEIGHT_PX = 112;

/** Axis: least distance between ticks, and width. */
const SPACE_PX = 30;
const AXIS_PX = 58;

/** `<rondo-turn-plot>`: one figure over all turns, drawn by uPlot, with the values of the turn under the pointer. */
export class TurnPlotElement extends LitElement {
  static override styles = [
    base,
    section,
    unsafeCSS(uPlotStyles),
    css`
      .title {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 1rem;
        margin: 0;
        font-size: 0.8125rem;
      }

      .title span:first-child {
        color: var(--_muted);
      }

      .plot {
        height: 112px;
        overflow: hidden;
      }

      .u-cursor-x {
        border-color: var(--_muted) !important;
      }
    `,
  ];

  @property({ attribute: false }) plot!: TurnPlot;
  /** Plots with the same key share the cursor. */
  @property({ attribute: false }) syncKey = "";
  @query(".plot") private frame!: HTMLElement;
  /** The turn under the pointer, from 0. */
  @state() private at: number | undefined;
  readonly #scheme = new ColourScheme(this, () => this.#chart?.redraw(false));
  readonly #width = new ResizeObserver(() => this.#fit());
  #chart: uPlot | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#width.observe(this);
    if (this.hasUpdated) this.#draw();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#width.disconnect();
    this.#chart?.destroy();
    this.#chart = undefined;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("plot")) return;
    const before = changed.get("plot");
    const isSame = before?.lines.length === this.plot.lines.length;
    if (this.#chart && isSame) this.#chart.setData(dataOf(this.plot));
    else this.#draw();
  }

  override render() {
    const { at, plot } = this;
    const turnCount = plot.lines[0]?.values.length ?? 0;
    const turn = at !== undefined && at < turnCount ? at : turnCount - 1;
    return html`
      <p class="title figure">
        <span>${plot.name}</span>
        <span>${valuesText(plot, turn)}</span>
      </p>
      <div class="plot" role="img" aria-label=${plotText(plot)}></div>
    `;
  }

  #draw(): void {
    this.#chart?.destroy();
    this.#chart = new uPlot(this.#options(), dataOf(this.plot), this.frame);
  }

  #fit(): void {
    const width = this.frame?.clientWidth ?? 0;
    if (this.#chart && width > 0 && width !== this.#chart.width)
      this.#chart.setSize({ width, height: HEIGHT_PX });
  }

  #options(): uPlot.Options {
    const { kind, lines, format } = this.plot;
    const muted = () => this.#scheme.colour("--_muted");
    const grid = { stroke: () => this.#scheme.colour("--_line"), width: 1 };
    const axis = {
      stroke: muted,
      grid,
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    const series = lines.map(({ name, tone }): uPlot.Series => {
      const stroke = () => this.#scheme.colour(`--_tone-${tone}`);
      const bars =
        kind === "bars" ? uPlot.paths.bars?.({ size: [0.7, 24] }) : undefined;
      return {
        label: name,
        stroke,
        width: bars ? 0 : 2,
        ...(bars && { paths: bars, fill: stroke, points: { show: false } }),
      };
    });
    return {
      width: this.frame.clientWidth || 300,
      height: HEIGHT_PX,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: this.syncKey },
      },
      scales: {
        x: { time: false, range: (_, min, max) => [min - 0.5, max + 0.5] },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 2,
          space: 40,
          incrs: [1, 2, 5, 10, 20, 50],
          grid: { show: false },
        },
        {
          ...axis,
          size: AXIS_PX,
          gap: 4,
          space: SPACE_PX,
          values: (_, values) => values.map(format),
        },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [({ cursor }) => (this.at = cursor.idx ?? undefined)],
      },
    };
  }
}

/** Turns count from 1. */
function dataOf({ lines }: TurnPlot): uPlot.AlignedData {
  const turns = lines[0]?.values.map((_, i) => i + 1) ?? [];
  return [turns, ...lines.map(({ values }) => values)];
}

function valuesText({ format, lines }: TurnPlot, turn: number): string {
  const values = lines.map(({ name, values }) =>
    `${format(values[turn] ?? 0)} ${name}`.trim(),
  );
  return `turn ${turn + 1}: ${values.join(", ")}`;
}

/** For screen readers. */
function plotText({ format, lines, name }: TurnPlot): string {
  const ranges = lines.map(({ name, values }) => {
    const range = `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
    return `${name} ${range}, last ${format(values.at(-1) ?? 0)}`.trim();
  });
  return `${name}: ${ranges.join("; ")}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-turn-plot": TurnPlotElement;
  }
}
