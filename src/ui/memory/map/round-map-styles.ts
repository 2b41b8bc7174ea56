/** Styles of the round map: a grid that scrolls by itself. */
import { css } from "lit";

export const roundMapStyles = css`
  :host {
    container-type: inline-size;
  }

  .scroll {
    max-height: min(28rem, 70vh);
    border: 1px solid var(--_line);
    border-radius: 0.625rem;
    background: var(--_raised);
    overscroll-behavior: contain;
  }

  .row {
    display: grid;
    position: relative;
    grid-template-columns:
      minmax(3.75rem, 1fr) 2.25rem 2.25rem 2.25rem 5.5rem
      2.5rem;
    align-items: stretch;
    min-height: 1.75rem;
    padding-inline-end: 0.5rem;
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    cursor: pointer;
  }

  .row:hover {
    background: color-mix(in srgb, var(--_text) 5%, transparent);
  }

  .row.is-attended {
    background: color-mix(in srgb, var(--_accent) 8%, transparent);
  }

  .row.is-aside {
    color: var(--_muted);
  }

  .row.is-open {
    background: color-mix(in srgb, var(--_accent) 16%, transparent);
    box-shadow: inset 3px 0 var(--_accent);
    color: var(--_text);
  }

  .head {
    position: sticky;
    inset-block-start: 0;
    z-index: 1;
    border-bottom: 1px solid var(--_line);
    background: var(--_raised);
    color: var(--_muted);
    font-size: 0.6875rem;
    cursor: default;
  }

  .head .round {
    padding-inline-start: 0.625rem;
  }

  .cell {
    display: flex;
    align-items: center;
    min-width: 0;
    border-radius: 0.25rem;
  }

  .cell:focus-visible {
    outline-offset: -2px;
  }

  .lower,
  .upper {
    justify-content: center;
  }

  .state {
    flex-wrap: wrap;
    align-content: center;
    justify-content: center;
  }

  .round {
    padding-inline-start: 0.375rem;
    white-space: nowrap;
  }

  .tokens,
  .gpu-bytes {
    justify-content: end;
  }

  .gpu-bytes {
    display: none;
  }

  .attention {
    position: relative;
    padding-inline: 0.375rem;
    white-space: nowrap;
  }

  .attention > span {
    position: relative;
  }

  .reason {
    font-weight: 600;
  }

  .mass {
    position: absolute;
    inset: 0.25rem 0;
    width: calc(100% - 0.25rem);
    height: calc(100% - 0.5rem);
  }

  .mass rect {
    fill: color-mix(in srgb, var(--_accent) 30%, transparent);
  }

  .text {
    display: block;
    grid-column: 1 / -1;
    padding: 0 0.25rem 0.25rem 2.25rem;
    overflow: hidden;
    color: var(--_muted);
    font-size: 0.75rem;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .is-open .text {
    color: inherit;
  }

  .tree {
    position: absolute;
    inset-block: 0;
    inset-inline-start: 0.375rem;
    height: 100%;
  }

  .tree line {
    stroke: var(--_accent);
    stroke-width: 2;
  }

  .tree circle {
    fill: var(--_accent);
  }

  .tree .is-aside {
    stroke: var(--_control-line);
    stroke-width: 1.5;
  }

  .tree circle.is-aside {
    fill: var(--_raised);
  }

  .id {
    padding-inline-start: 1.25rem;
  }

  .lanes-1 .id {
    padding-inline-start: 2rem;
  }

  .lanes-2 .id {
    padding-inline-start: 2.75rem;
  }

  .lanes-3 .id {
    padding-inline-start: 3.5rem;
  }

  .lanes-4 .id {
    padding-inline-start: 4.25rem;
  }

  .lanes-5 .id {
    padding-inline-start: 5rem;
  }

  .lanes-6 .id {
    padding-inline-start: 5.75rem;
  }

  .half {
    flex: none;
  }

  .frame {
    fill: none;
    stroke: color-mix(in srgb, var(--_control-line) 55%, transparent);
  }

  .gpu {
    fill: var(--_accent);
  }

  .disk {
    fill: var(--_tone-4);
  }

  .use {
    fill: var(--_on-accent);
  }

  .sign {
    display: inline-flex;
    color: var(--_muted);
  }

  .sign svg {
    fill: none;
    stroke: currentcolor;
    stroke-width: 1.4;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  .sign.is-stale,
  .sign.is-approximate {
    color: var(--_alert);
  }

  .places {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem 1rem;
    margin: 0.5rem 0 0.25rem;
    padding: 0;
    color: var(--_muted);
    font-size: 0.8125rem;
    list-style: none;
  }

  .places li {
    display: flex;
    align-items: center;
    gap: 0.375rem;
  }

  dt .sign {
    vertical-align: -0.125rem;
  }

  @container (min-width: 22rem) {
    .row {
      grid-template-columns:
        minmax(3.75rem, 1fr) 2.75rem 2.75rem 2.5rem 5.5rem
        2.75rem;
    }

    .head {
      font-size: 0.75rem;
    }
  }

  @container (min-width: 27rem) {
    .scroll {
      max-height: min(36rem, 70vh);
    }

    .row {
      grid-template-columns:
        minmax(3.75rem, 1fr) 2.5rem 2.5rem 2.75rem 5.5rem 2.75rem
        7.5rem;
    }

    .gpu-bytes {
      display: flex;
    }
  }

  @media (pointer: coarse) {
    .row {
      min-height: 2.75rem;
    }

    .head {
      min-height: 2rem;
    }
  }
`;
