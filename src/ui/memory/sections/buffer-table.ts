import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import type { BufferMemory } from "../../../engine/api/memory-snapshot";
import { byteText, wholeText } from "../../base/sizes";
import { base } from "../../base/theme";
import { section } from "../base/memory-styles";

/** Rows shown before "Show more". */
const FIRST_COUNT = 8;

type Column = "label" | "memoryClass" | "count" | "bytes";

const COLUMNS: { key: Column; name: string; isNumber: boolean }[] = [
  { key: "label", name: "Label", isNumber: false },
  { key: "memoryClass", name: "For", isNumber: false },
  { key: "count", name: "Count", isNumber: true },
  { key: "bytes", name: "Size", isNumber: true },
];

/** `<rondo-buffer-table>`: the GPU's buffers, grouped by label; pressing a heading sorts them. */
export class BufferTable extends LitElement {
  static override styles = [
    base,
    section,
    css`
      th button {
        min-height: 1.75rem;
        margin-inline: -0.375rem;
        padding: 0 0.375rem;
        gap: 0.25rem;
        border-radius: 0.375rem;
        font-size: 0.8125rem;
      }

      /* Its words begin where those of the table do. */
      .actions .plain {
        margin-inline-start: calc(-0.75rem - 1px);
      }

      td {
        overflow-wrap: anywhere;
      }

      .class {
        white-space: nowrap;
      }

      .arrow {
        font-size: 0.6875rem;
      }

      @media (pointer: coarse) {
        th button {
          min-height: 2.75rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) buffers: readonly BufferMemory[] = [];
  @state() private sortedBy: Column = "bytes";
  @state() private isDescending = true;
  @state() private isWhole = false;

  override render() {
    const { isDescending, sortedBy } = this;
    const buffers = joinLayers(this.buffers);
    const sorted = sortBuffers(buffers, sortedBy, isDescending);
    const shown = this.isWhole ? sorted : sorted.slice(0, FIRST_COUNT);
    const hidden = sorted.length - shown.length;
    return html`
      <h3>Buffers</h3>
      ${
        sorted.length === 0
          ? html`<p class="note">There are none on the GPU.</p>`
          : this.#table(shown)
      }
      ${
        hidden === 0
          ? nothing
          : html`<div class="actions">
              <button
                class="plain small"
                type="button"
                @click=${() => (this.isWhole = true)}
              >
                Show ${hidden} more
              </button>
            </div>`
      }
    `;
  }

  #table(buffers: readonly BufferMemory[]) {
    return html`
      <table>
        <thead>
          <tr>
            ${COLUMNS.map((column) => this.#heading(column))}
          </tr>
        </thead>
        <tbody>
          ${buffers.map(
            ({ bytes, count, label, memoryClass }) =>
              html`<tr>
                <td>${label}</td>
                <td class="class">${memoryClass}</td>
                <td class="number">${wholeText(count)}</td>
                <td class="number">${byteText(bytes)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    `;
  }

  #heading({ isNumber, key, name }: (typeof COLUMNS)[number]) {
    const isSorted = key === this.sortedBy;
    const order = this.isDescending ? "descending" : "ascending";
    const sort = () => {
      this.isDescending = isSorted ? !this.isDescending : isNumber;
      this.sortedBy = key;
    };
    return html`<th
      class=${isNumber ? "number" : ""}
      scope="col"
      aria-sort=${isSorted ? order : nothing}
    >
      <button class="plain" type="button" @click=${sort}>
        ${name}${
          isSorted
            ? html`<span class="arrow" aria-hidden="true"
                >${this.isDescending ? "▼" : "▲"}</span
              >`
            : nothing
        }
      </button>
    </th>`;
  }
}

/** Joins the buffers of layers into one row, for example "gate and up of layers 0 to 7". */
export function joinLayers(buffers: readonly BufferMemory[]): BufferMemory[] {
  const joined = new Map<string, BufferMemory & { layers: number[] }>();
  for (const buffer of buffers) {
    const [, layer, part] = /^layer (\d+) (.+)$/.exec(buffer.label) ?? [];
    const label = part ?? buffer.label;
    const key = `${layer === undefined ? "" : "layers "}${buffer.memoryClass} ${label}`;
    const { bytes = 0, count = 0, layers = [] } = joined.get(key) ?? {};
    joined.set(key, {
      ...buffer,
      label,
      bytes: bytes + buffer.bytes,
      count: count + buffer.count,
      layers: layer === undefined ? layers : [...layers, Number(layer)],
    });
  }
  return [...joined.values()].map(({ layers, ...buffer }) => ({
    ...buffer,
    label: buffer.label + layersText(layers),
  }));
}

function layersText(layers: readonly number[]): string {
  if (layers.length === 0) return "";
  const [first, last] = [Math.min(...layers), Math.max(...layers)];
  return first === last
    ? ` of layer ${first}`
    : ` of layers ${first} to ${last}`;
}

/** Sorted by a column, then by size. */
export function sortBuffers(
  buffers: readonly BufferMemory[],
  column: Column,
  isDescending: boolean,
): BufferMemory[] {
  const sign = isDescending ? -1 : 1;
  const compare = (a: BufferMemory, b: BufferMemory) => {
    const [left, right] = [a[column], b[column]];
    return typeof left === "number" && typeof right === "number"
      ? left - right
      : String(left).localeCompare(String(right));
  };
  return [...buffers].sort((a, b) => sign * compare(a, b) || b.bytes - a.bytes);
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-buffer-table": BufferTable;
  }
}
