import { html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { GpuMemory } from "../../../engine/api/memory-snapshot";
import { byteText } from "../../base/sizes";
import { base } from "../../base/theme";
import { freeBytes, usedBytes } from "../base/figures";
import { bars, section } from "../base/memory-styles";
import {
  legend,
  stackedBar,
  type BarMark,
  type BarPart,
} from "../plots/stacked-bar";

const CLASSES: [name: keyof GpuMemory["bytes"], tone: number][] = [
  ["weights", 1],
  ["lower pages", 2],
  ["upper pages", 3],
  ["index", 6],
  ["activations", 4],
  ["staging", 5],
];

/** `<rondo-memory-use>`: GPU memory by class, and KV against its budget. */
export class GpuUse extends LitElement {
  static override styles = [base, section, bars];

  @property({ attribute: false }) gpu: GpuMemory | undefined;

  override render() {
    if (this.gpu === undefined)
      return html`
        <h3>On the GPU</h3>
        <p class="note">No model is loaded: Rondo has nothing on the GPU.</p>
      `;
    return html`<h3>On the GPU</h3>
      ${this.#all(this.gpu)}${this.#kv(this.gpu)}`;
  }

  #all({ bytes, peakBytes }: GpuMemory) {
    const parts = CLASSES.map(([name, tone]): BarPart => ({
      name,
      tone,
      amount: bytes[name],
      text: byteText(bytes[name]),
    }));
    const total = parts.reduce((sum, { amount }) => sum + amount, 0);
    const mark = peak(peakBytes);
    const label = `${byteText(total)} on the GPU, ${byteText(peakBytes)} at most so far`;
    return html`
      <p class="figure"><strong>${byteText(total)}</strong> in all</p>
      ${stackedBar(parts, { label, mark, total: Math.max(total, peakBytes) })}
      ${legend(parts, mark)}
    `;
  }

  #kv({ budgetBytes, lower, peakKvBytes, upper }: GpuMemory) {
    const parts: BarPart[] = [
      kvPart("lower", 2, usedBytes(lower)),
      kvPart("upper", 3, usedBytes(upper)),
      {
        ...kvPart("free pages", 6, freeBytes(lower) + freeBytes(upper)),
        isEmpty: true,
      },
    ];
    const used = usedBytes(lower) + usedBytes(upper);
    const mark = peak(peakKvBytes);
    const range = `${byteText(used)} of ${byteText(budgetBytes)}`;
    const label = `KV takes ${range} of its budget, ${byteText(peakKvBytes)} at most so far`;
    return html`
      <h4>KV and its budget</h4>
      <p class="figure"><strong>${range}</strong> of the budget</p>
      ${stackedBar(parts, { label, mark, total: Math.max(budgetBytes, peakKvBytes) })}
      ${legend(parts, mark)}
    `;
  }
}

const peak = (bytes: number): BarMark => ({
  name: "most so far",
  amount: bytes,
  text: byteText(bytes),
});

const kvPart = (name: string, tone: number, bytes: number): BarPart => ({
  name,
  tone,
  amount: bytes,
  text: byteText(bytes),
});

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory-use": GpuUse;
  }
}
