/** The drawings of the round map: a half in its two places, and the signs beside a round. */
import { html, svg, type SVGTemplateResult } from "lit";
import type { HalfMemory } from "../../../engine/api/memory-snapshot";
import { residentShare, type RoundSign } from "./round-words";

/** Width of the bars, in units of the drawing. */
const BAR = 22;

/**
 * The upper bar is the GPU, the lower one the store; an absent half is an empty frame, so colour alone says nothing.
 */
export function halfDrawing(
  half: HalfMemory,
  tokens: number,
): SVGTemplateResult {
  const width = (BAR * residentShare(half, tokens)).toFixed(1);
  const stored = half.storedBytes > 0 ? BAR : 0;
  return svg`<svg class="half" viewBox="0 0 24 15" width="24" height="15" aria-hidden="true">
    <rect class="frame" x="0.5" y="0.5" width="23" height="8" rx="2" />
    <rect class="gpu" x="1" y="1" width=${width} height="7" rx="1.5" />
    <rect class="frame" x="0.5" y="10.5" width="23" height="4" rx="1.5" />
    <rect class="disk" x="1" y="11" width=${stored} height="3" rx="1" />
    ${half.isInUse ? svg`<circle class="use" cx="12" cy="4.5" r="1.75" />` : ""}
  </svg>`;
}

const SHAPES: Record<RoundSign, SVGTemplateResult> = {
  pinned: svg`<path d="M5 2h6M6 2v4.5L4 9h8l-2-2.5V2M8 9v5" />`,
  stale: svg`<circle cx="8" cy="8" r="5.6" stroke-dasharray="3 1.6" /><path d="M8 5v3.2l2.2 1.3" />`,
  repaired: svg`<path d="m4.2 8.6 4.4-4.4a2.4 2.4 0 0 1 3.4 0 2.4 2.4 0 0 1 0 3.4l-4.4 4.4a2.4 2.4 0 0 1-3.4 0 2.4 2.4 0 0 1 0-3.4M6.6 6.4l3.2 3.2" />`,
  approximate: svg`<path d="M3 6.4c1.7-1.8 3.3-1.8 5 0s3.3 1.8 5 0M3 11c1.7-1.8 3.3-1.8 5 0s3.3 1.8 5 0" />`,
};

/** With its name for screen readers. */
export function signDrawing(sign: RoundSign) {
  return html`<span class="sign is-${sign}" title=${sign}
    ><svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      ${SHAPES[sign]}</svg
    ><span class="visually-hidden">${sign}</span></span
  >`;
}
