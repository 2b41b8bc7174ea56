/** Layout of `<rondo-chat>`: panel, header, banner, transcript, dock. */
import { css } from "lit";

export const chatStyles = css`
  :host {
    display: block;
    height: 100%;
    background: var(--_ground);
    color: var(--_text);
    font: 1rem/1.6 var(--_font);
    -webkit-text-size-adjust: 100%;
  }

  .frame {
    position: relative;
    display: flex;
    height: 100%;
    overflow: hidden;
  }

  rondo-side-panel {
    flex: none;
    width: 16.5rem;
    border-inline-end: 1px solid var(--_line);
    transition:
      margin 200ms,
      translate 200ms;
  }

  rondo-side-panel[inert] {
    margin-inline-start: -16.5rem;
    visibility: hidden;
    transition:
      margin 200ms,
      translate 200ms,
      visibility 0s 200ms;
  }

  .is-narrow rondo-side-panel {
    position: absolute;
    inset-block: 0;
    inset-inline-start: 0;
    z-index: 2;
    width: min(18rem, 85%);
    margin: 0;
    box-shadow: 0 0 2rem rgb(0 0 0 / 20%);
  }

  .is-narrow rondo-side-panel[inert] {
    translate: -105%;
  }

  .scrim {
    position: absolute;
    inset: 0;
    z-index: 1;
    background: rgb(0 0 0 / 40%);
  }

  .main {
    display: grid;
    flex: 1;
    grid-template-rows: auto auto minmax(5rem, 1fr) minmax(0, max-content);
    grid-template-columns: minmax(0, 1fr);
    min-width: 0;
  }

  /* Also where nothing stands above it, the transcript takes the room there is. */
  rondo-transcript {
    grid-row: 3;
  }

  rondo-dock {
    grid-row: 4;
  }

  .brand {
    display: flex;
    align-items: center;
    gap: 0.625rem;
    font: 400 1.375rem/1 var(--_display);
    letter-spacing: -0.01em;
  }

  .mark {
    color: var(--_accent);
  }

  .drop {
    position: absolute;
    inset: 0.75rem;
    z-index: 3;
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 0.75rem;
    border: 2px dashed var(--_accent);
    border-radius: 1.25rem;
    background: color-mix(in srgb, var(--_ground) 92%, transparent);
    color: var(--_accent);
    font: 400 1.375rem/1.2 var(--_display);
    pointer-events: none;
  }

  .drop .icon {
    width: 2rem;
    height: 2rem;
  }

  .welcome rondo-examples {
    margin-top: 1.75rem;
  }

  .opening {
    margin: 0;
    color: var(--_muted);
    text-align: center;
    animation: appear 0s 400ms both;
  }

  @keyframes appear {
    from {
      visibility: hidden;
    }
  }

  /* All of the chat, on as many pages as it takes: no box keeps its height, whoever has set it. */
  @media print {
    :host {
      height: auto !important;
      max-height: none !important;
      overflow: visible !important;
    }

    .frame,
    .main {
      display: block;
      height: auto;
      overflow: visible;
    }

    rondo-side-panel,
    rondo-header,
    rondo-banner,
    rondo-dock,
    .scrim,
    .drop {
      display: none;
    }
  }
`;
