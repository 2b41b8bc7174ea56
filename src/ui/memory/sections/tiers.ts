import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { MemorySnapshot } from "../../../engine/api/memory-snapshot";
import { byteText } from "../../base/sizes";
import { base } from "../../base/theme";
import { countedText, tokensText, usedBytes } from "../base/figures";
import { section } from "../base/memory-styles";

/** `<rondo-memory-tiers>`: where KV is: on the GPU, queued for writing, and in the store. */
export class Tiers extends LitElement {
  static override styles = [
    base,
    section,
    css`
      ol {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 1.125rem;
        margin: 0;
        padding: 0;
        list-style: none;
      }

      li {
        position: relative;
        padding: 0.5rem 0.625rem;
        border: 1px solid var(--_line);
        border-radius: 0.625rem;
        background: var(--_raised);
        font-variant-numeric: tabular-nums;
      }

      li + li::before {
        position: absolute;
        inset-block-start: 50%;
        inset-inline-start: -1rem;
        color: var(--_muted);
        content: "⇄" / "";
        translate: 0 -50%;
      }

      .tier {
        color: var(--_muted);
        font-size: 0.8125rem;
      }

      strong,
      .more {
        display: block;
      }

      .more {
        font-size: 0.8125rem;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) snapshot!: MemorySnapshot;

  override render() {
    const { gpu, storage } = this.snapshot;
    const kvBytes = gpu ? usedBytes(gpu.lower) + usedBytes(gpu.upper) : 0;
    return html`
      <h3>Where KV is</h3>
      <ol>
        ${tier("GPU", kvBytes, tokensText(gpu?.residentTokens ?? 0))}
        ${tier(
          "Staging",
          storage.queuedBytes,
          storage.queuedSegments === 0
            ? "empty"
            : `${countedText(storage.queuedSegments, "segment")} to write`,
        )}
        ${tier("IndexedDB", storage.segmentBytes, tokensText(storage.storedTokens))}
      </ol>
    `;
  }
}

function tier(name: string, bytes: number, more: string) {
  return html`<li>
    <span class="tier">${name}</span>
    <strong>${byteText(bytes)}</strong>
    <span class="more">${more}</span>
  </li>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory-tiers": Tiers;
  }
}
