/** Layout of `<rondo-memory>`: its heading, and sections in one to three columns. */
import { css } from "lit";

export const memoryElementStyles = css`
  :host {
    display: block;
    height: 100%;
    container-type: inline-size;
    background: var(--_ground);
    color: var(--_text);
    font: 0.9375rem/1.5 var(--_font);
    -webkit-text-size-adjust: 100%;
  }

  .frame {
    position: relative;
    display: flex;
    flex-direction: column;
    height: 100%;
  }

  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 0.75rem;
    min-height: 3.5rem;
    padding: 0.375rem 0.75rem 0.375rem 1rem;
    border-bottom: 1px solid var(--_line);
  }

  h2 {
    flex: 1;
    margin: 0;
    font: 400 1.25rem/1.2 var(--_display);
  }

  h2:focus {
    outline: none;
  }

  .tools {
    display: flex;
    flex-basis: 100%;
    align-items: center;
    justify-content: space-between;
    order: 1;
  }

  .toggle {
    display: inline-flex;
    align-items: center;
    gap: 0.375rem;
    min-height: 2.25rem;
    color: var(--_muted);
    font-size: 0.8125rem;
    cursor: pointer;
  }

  .toggle input {
    margin: 0;
    accent-color: var(--_accent);
  }

  @media (pointer: coarse) {
    .toggle,
    rondo-copy-button::part(button) {
      min-height: 2.75rem;
    }
  }

  .body {
    flex: 1;
    min-height: 0;
    overflow-y: auto;
    overscroll-behavior: contain;
  }

  .warning {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    align-items: center;
    gap: 0.75rem;
    margin: 0.75rem 1rem 0;
    padding: 0.5rem 0.5rem 0.5rem 0.875rem;
    border: 1px solid var(--_line);
    border-radius: 0.75rem;
    background: var(--_raised);
    font-size: 0.875rem;
  }

  .warning > .icon {
    color: var(--_alert);
  }

  .warning p {
    margin: 0;
    overflow-wrap: anywhere;
  }

  .nothing {
    margin: 0;
    padding: 2rem 1rem;
    color: var(--_muted);
    text-align: center;
  }

  .waiting {
    animation: appear 0s 400ms both;
  }

  @keyframes appear {
    from {
      visibility: hidden;
    }
  }

  .columns {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    padding: 0 1rem calc(1rem + env(safe-area-inset-bottom));
  }

  .column {
    min-width: 0;
  }

  .column > * {
    padding-block: 1rem 1.125rem;
    border-bottom: 1px solid var(--_line);
  }

  .rest > :last-child {
    border-bottom: 0;
  }

  rondo-round-details {
    padding-top: 0;
  }

  rondo-round-map:has(+ rondo-round-details) {
    border-bottom: 0;
  }

  @container (min-width: 34rem) {
    .tools {
      flex-basis: auto;
      gap: 0.75rem;
      order: 0;
    }
  }

  @container (min-width: 46rem) {
    .columns {
      grid-template-areas:
        "now rounds"
        "rest rounds";
      grid-template-rows: auto 1fr;
      grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr);
      column-gap: 2rem;
    }

    .now {
      grid-area: now;
    }

    .rounds {
      grid-area: rounds;
    }

    .rest {
      grid-area: rest;
    }

    .rounds > :last-child {
      border-bottom: 0;
    }
  }

  @container (min-width: 70rem) {
    .columns {
      grid-template-areas: "now rounds rest";
      grid-template-rows: auto;
      grid-template-columns: minmax(0, 1fr) minmax(0, 1.35fr) minmax(0, 1fr);
    }

    .now > :last-child {
      border-bottom: 0;
    }
  }
`;
