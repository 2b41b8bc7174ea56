/** Styles shared by the panel's sections: headings, definition lists, tables, legends, and a few more colours. */
import { css } from "lit";

/** For `<rondo-memory>`; the elements inside inherit it. Each tone has 3 : 1 on all grounds. */
export const tones = css`
  :host {
    --_tone-1: #55647f;
    --_tone-2: #0b6a5c;
    --_tone-3: #2c937c;
    --_tone-4: #b06a12;
    --_tone-5: #8d4a94;
    --_tone-6: #7b766c;
  }

  @media (prefers-color-scheme: dark) {
    :host {
      --_tone-1: #97a9cc;
      --_tone-2: #7accb9;
      --_tone-3: #4c9c8a;
      --_tone-4: #dda35a;
      --_tone-5: #cf97d6;
      --_tone-6: #8f897d;
    }
  }
`;

/** For each of the elements inside. */
export const section = css`
  :host {
    display: block;
    font-size: 0.875rem;
    line-height: 1.45;
  }

  h3 {
    margin: 0 0 0.625rem;
    font-size: 0.9375rem;
    font-weight: 600;
    line-height: 1.4;
  }

  h4 {
    margin: 1rem 0 0.375rem;
    color: var(--_muted);
    font-size: 0.8125rem;
    font-weight: 600;
  }

  p {
    margin: 0 0 0.5rem;
    text-wrap: pretty;
    overflow-wrap: anywhere;
  }

  .note {
    color: var(--_muted);
    font-size: 0.8125rem;
  }

  .figure {
    font-variant-numeric: tabular-nums;
  }

  .actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
    margin-top: 0.75rem;
  }

  progress {
    flex: 1;
    min-width: 6rem;
    accent-color: var(--_accent);
  }

  .verified {
    margin-top: 0.75rem;
  }

  .alert {
    color: var(--_alert);
  }

  dl {
    display: grid;
    grid-template-columns: minmax(6.5rem, max-content) minmax(0, 1fr);
    gap: 0.1875rem 0.75rem;
    margin: 0;
    font-variant-numeric: tabular-nums;
  }

  dt {
    color: var(--_muted);
  }

  dd {
    margin: 0;
    overflow-wrap: anywhere;
  }

  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }

  th,
  td {
    padding: 0.25rem 0.5rem;
    border-bottom: 1px solid var(--_line);
    font-weight: 400;
    text-align: start;
    vertical-align: baseline;
  }

  :is(th, td):first-child {
    padding-inline-start: 0;
  }

  :is(th, td):last-child {
    padding-inline-end: 0;
  }

  thead th {
    color: var(--_muted);
  }

  .number {
    text-align: end;
    white-space: nowrap;
  }

  button.small {
    font-size: inherit;
  }

  .scroll {
    max-width: 100%;
    overflow: auto;
  }

  summary {
    width: fit-content;
    padding-block: 0.25rem;
    border-radius: 0.375rem;
    color: var(--_muted);
    font-size: 0.8125rem;
    cursor: pointer;
  }

  summary:hover {
    color: var(--_text);
  }

  details[open] > summary {
    margin-bottom: 0.375rem;
  }

  @media (pointer: coarse) {
    summary {
      padding-block: 0.75rem;
    }
  }
`;

/** For stacked bars and their legends; see stacked-bar.ts. */
export const bars = css`
  .bar {
    display: block;
    width: 100%;
    height: 0.875rem;
    border-radius: 0.25rem;
    background: color-mix(in srgb, var(--_text) 9%, transparent);
  }

  .bar rect {
    fill: var(--_tone);
    stroke: var(--_ground);
    stroke-width: 1px;
  }

  .bar rect.is-empty {
    fill: none;
    stroke: var(--_tone);
    stroke-dasharray: 2 2;
  }

  .bar .mark {
    stroke: var(--_text);
    stroke-width: 2px;
  }

  .legend {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
    gap: 0.125rem 0.75rem;
    margin: 0.5rem 0 0;
    padding: 0;
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    list-style: none;
  }

  .legend li {
    display: flex;
    align-items: baseline;
    gap: 0.375rem;
  }

  .legend .name {
    flex: 1;
    color: var(--_muted);
  }

  .legend .name::first-letter {
    text-transform: uppercase;
  }

  .swatch {
    flex: none;
    align-self: center;
    width: 0.625rem;
    height: 0.625rem;
    border: 1px solid var(--_tone);
    border-radius: 0.1875rem;
    background: var(--_tone);
  }

  .swatch.is-empty {
    border-style: dashed;
    background: none;
  }

  .swatch.is-mark {
    width: 0;
    height: 0.75rem;
    margin-inline: 0.25rem;
    border: solid var(--_text);
    border-width: 0 0 0 2px;
    border-radius: 0;
  }

  .tone-1 {
    --_tone: var(--_tone-1);
  }

  .tone-2 {
    --_tone: var(--_tone-2);
  }

  .tone-3 {
    --_tone: var(--_tone-3);
  }

  .tone-4 {
    --_tone: var(--_tone-4);
  }

  .tone-5 {
    --_tone: var(--_tone-5);
  }

  .tone-6 {
    --_tone: var(--_tone-6);
  }
`;
