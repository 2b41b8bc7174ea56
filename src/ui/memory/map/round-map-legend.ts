/** What the round map's signs mean. */
import { html } from "lit";
import type { HalfMemory } from "../../../engine/api/memory-snapshot";
import { halfDrawing, signDrawing } from "./round-signs";
import {
  REASON_MEANINGS,
  SIGN_MEANINGS,
  type AttendedReason,
  type RoundSign,
} from "./round-words";

const drawn = (residentTokens: number, storedBytes: number): HalfMemory => ({
  residentTokens,
  storedBytes,
  gpuBytes: residentTokens,
  isInUse: false,
});

const HALVES: [half: HalfMemory, meaning: string][] = [
  [drawn(1, 0), "on the GPU"],
  [drawn(0, 1), "stored"],
  [drawn(1, 1), "both"],
  [drawn(0, 0), "absent"],
];

/** The places are always shown; the rest is folded away. */
export function mapLegend() {
  return html`
    <ul class="places" aria-label="Where a half is">
      ${HALVES.map(
        ([half, meaning]) => html`<li>${halfDrawing(half, 1)}${meaning}</li>`,
      )}
    </ul>
    <details>
      <summary>All signs</summary>
      <dl>
        <dt>Halves</dt>
        <dd>
          Lower: KV of the layers up to the watershed, read in every turn.
          Upper: KV of the other layers, loaded for the rounds that a question
          attends to. The upper bar shows how much is on the GPU; a dot means in
          use. The bar below is the store.
        </dd>
        ${entries(SIGN_MEANINGS).map(
          ([sign, meaning]) =>
            html`<dt>${signDrawing(sign)} ${sign}</dt>
              <dd>${meaning}</dd>`,
        )}
        ${reasons(REASON_MEANINGS).map(
          ([reason, meaning]) =>
            html`<dt>${reason}</dt>
              <dd>attended to: ${meaning}</dd>`,
        )}
        <dt>%</dt>
        <dd>share of the last question’s attention on rounds (its mass)</dd>
        <dt>Hollow dots</dt>
        <dd>rounds of hidden branches</dd>
      </dl>
    </details>
  `;
}

const entries = (meanings: Record<RoundSign, string>) =>
  Object.entries(meanings) as [RoundSign, string][];

const reasons = (meanings: Record<AttendedReason, string>) =>
  Object.entries(meanings) as [AttendedReason, string][];
