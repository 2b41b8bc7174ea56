/** The page's icons: strokes on a 20 × 20 grid in the colour of the text beside them. */
import { svg, type SVGTemplateResult } from "lit";

function icon(shapes: SVGTemplateResult): SVGTemplateResult {
  return svg`<svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"
    stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`;
}

/** The logo: an open ring. public/icon.svg shows the same on a tile. */
export const mark = svg`<svg class="mark" viewBox="0 0 32 32" width="24" height="24" fill="none" aria-hidden="true">
  <path d="M16 5a11 11 0 1 0 10.3 7.1" stroke="currentColor" stroke-width="4.5" stroke-linecap="round" />
  <circle cx="22.6" cy="6.4" r="2.9" fill="currentColor" />
</svg>`;

export const panelIcon = icon(
  svg`<rect x="2.8" y="3.8" width="14.4" height="12.4" rx="2.4" /><path d="M8 4v12" />`,
);
export const plusIcon = icon(svg`<path d="M10 4.5v11M4.5 10h11" />`);
export const sendIcon = icon(
  svg`<path d="M10 15.5v-11M5.2 9.3 10 4.5l4.8 4.8" stroke-width="1.9" />`,
);
export const stopIcon = icon(
  svg`<rect x="5" y="5" width="10" height="10" rx="1.6" fill="currentColor" stroke="none" />`,
);
/** A light bulb. */
export const thinkIcon = icon(
  svg`<path d="M7.6 14.2c0-1.7-2.6-3-2.6-6a5 5 0 0 1 10 0c0 3-2.6 4.3-2.6 6zM8 17h4" />`,
);
export const downIcon = icon(
  svg`<path d="M10 4.5v11M5.2 10.7 10 15.5l4.8-4.8" />`,
);
export const closeIcon = icon(svg`<path d="m5.5 5.5 9 9m0-9-9 9" />`);
export const trashIcon = icon(
  svg`<path d="M4 6h12M8 6V4.2h4V6M5.5 6l.7 9.8h7.6l.7-9.8M8.4 9v4M11.6 9v4" />`,
);
export const copyIcon = icon(
  svg`<rect x="7" y="7" width="9" height="9" rx="1.8" /><path d="M13 7V5.8A1.8 1.8 0 0 0 11.2 4H5.8A1.8 1.8 0 0 0 4 5.8v5.4A1.8 1.8 0 0 0 5.8 13H7" />`,
);
export const checkIcon = icon(svg`<path d="m4.5 10.5 3.6 3.6 7.4-8" />`);
export const retryIcon = icon(
  svg`<path d="M15.8 8.2A6.2 6.2 0 1 0 16 11.8M16.2 4.2v4.1h-4.1" />`,
);
export const alertIcon = icon(
  svg`<path d="M10 3.4 17.6 16.6H2.4Z" /><path d="M10 8.4v3.6M10 14.3v.1" />`,
);
export const moreIcon = icon(
  svg`<path d="M4.6 10h.1M10 10h.1M15.4 10h.1" stroke-width="2.6" />`,
);
export const renameIcon = icon(
  svg`<path d="m4.2 15.8.8-3.4 8.3-8.3 2.6 2.6-8.3 8.3ZM11.6 5.8l2.6 2.6" />`,
);
export const exportIcon = icon(
  svg`<path d="M10 3.8v8.4M6.4 8.8l3.6 3.6 3.6-3.6M4 13.4v2.8h12v-2.8" />`,
);
export const importIcon = icon(
  svg`<path d="M10 12.2V3.8M6.4 7.2 10 3.6l3.6 3.6M4 13.4v2.8h12v-2.8" />`,
);
export const tabsIcon = icon(
  svg`<rect x="3" y="6.6" width="10.4" height="10" rx="2" /><path d="M6.6 3.4h8a2 2 0 0 1 2 2v8" />`,
);
export const upIcon = icon(
  svg`<path d="M10 15.5v-11M5.2 9.3 10 4.5l4.8 4.8" />`,
);
export const earlierIcon = icon(svg`<path d="m12 5.2-4.8 4.8 4.8 4.8" />`);
export const laterIcon = icon(svg`<path d="m8 5.2 4.8 4.8L8 14.8" />`);
export const attachIcon = icon(
  svg`<path d="m15.9 9.4-5.7 5.7a3.6 3.6 0 0 1-5.1-5.1l6.2-6.2a2.4 2.4 0 0 1 3.4 3.4l-6.2 6.2a1.2 1.2 0 0 1-1.7-1.7l5.4-5.4" />`,
);
export const searchIcon = icon(
  svg`<circle cx="8.8" cy="8.8" r="4.8" /><path d="m12.4 12.4 4 4" />`,
);
export const documentIcon = icon(
  svg`<path d="M11.6 3H6.4a1.6 1.6 0 0 0-1.6 1.6v10.8A1.6 1.6 0 0 0 6.4 17h7.2a1.6 1.6 0 0 0 1.6-1.6V6.6ZM11.4 3.2v3.6H15M7.6 10.2h4.8M7.6 13.2h4.8" />`,
);
/** A page with lines, the first of them a heading. */
export const instructionsIcon = icon(
  svg`<path d="M4.5 5.2h7M4.5 10h11M4.5 14.8h11" /><path d="m15.2 3.2.6 1.5 1.5.6-1.5.6-.6 1.5-.6-1.5-1.5-.6 1.5-.6Z" />`,
);
export const settingsIcon = icon(
  svg`<path d="M3.6 6h6.6M14.8 6h1.6M3.6 14h1.6M9.8 14h6.6" /><circle cx="12.4" cy="6" r="2.1" /><circle cx="7.4" cy="14" r="2.1" />`,
);
/** Three layers, one over the other. */
export const memoryIcon = icon(
  svg`<path d="m10 3.2 7 3.6-7 3.6-7-3.6ZM3 10.2l7 3.6 7-3.6M3 13.6l7 3.6 7-3.6" />`,
);
export const modelIcon = icon(
  svg`<rect x="5" y="5" width="10" height="10" rx="2" /><path d="M8 2.6V5M12 2.6V5M8 15v2.4M12 15v2.4M2.6 8H5M2.6 12H5M15 8h2.4M15 12h2.4" />`,
);
