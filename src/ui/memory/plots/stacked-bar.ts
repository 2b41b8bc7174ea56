/**
 * A stacked bar, and its legend in the same order. Sizes are SVG attributes: style attributes are forbidden by the
 * page's policy.
 */
import { html, nothing, svg } from "lit";

export interface BarPart {
  name: string;
  amount: number;
  /** The amount in words. */
  text: string;
  /** Which of the panel's colours, from 1 to 6. */
  tone: number;
  /** Whether it is allocated space without content. */
  isEmpty?: boolean;
}

/** A line across the bar. */
export interface BarMark {
  name: string;
  amount: number;
  text: string;
}

export interface BarOptions {
  /** Description for screen readers. */
  label: string;
  /** The amount at full width. Default: the sum of all parts. */
  total?: number;
  mark?: BarMark;
}

export function stackedBar(
  parts: readonly BarPart[],
  { label, mark, total = sum(parts) }: BarOptions,
) {
  const percent = (amount: number) =>
    total > 0 ? `${Math.min((amount / total) * 100, 100).toFixed(2)}%` : "0%";
  let start = 0;
  const rects = parts.map((part) => {
    const x = percent(start);
    start += part.amount;
    const name = `tone-${part.tone} ${part.isEmpty === true ? "is-empty" : ""}`;
    return svg`<rect class=${name} x=${x} y="0" height="100%" width=${percent(part.amount)}><title>${part.name}: ${part.text}</title></rect>`;
  });
  const line =
    mark &&
    svg`<line class="mark" x1=${percent(mark.amount)} x2=${percent(mark.amount)} y1="0" y2="100%"><title>${mark.name}: ${mark.text}</title></line>`;
  return html`<svg class="bar" role="img" aria-label=${label}>
    ${rects}${line ?? nothing}
  </svg>`;
}

export function legend(parts: readonly BarPart[], mark?: BarMark) {
  return html`<ul class="legend">
    ${parts.map(
      ({ isEmpty, name, text, tone }) =>
        html`<li>
          <span class="swatch tone-${tone} ${isEmpty ? "is-empty" : ""}"></span>
          <span class="name">${name}</span><span>${text}</span>
        </li>`,
    )}
    ${
      mark === undefined
        ? nothing
        : html`<li>
            <span class="swatch is-mark"></span>
            <span class="name">${mark.name}</span><span>${mark.text}</span>
          </li>`
    }
  </ul>`;
}

function sum(parts: readonly BarPart[]): number {
  return parts.reduce((sum, { amount }) => sum + amount, 0);
}
