/**
 * Colours, type and the few rules that all elements share. Names with an underscore are the elements'
 * own; each takes its value from the public property of the same name where the page sets one.
 * Text has a contrast of at least 4.5 : 1 on each ground it stands on, controls of 3 : 1.
 */
import { css } from "lit";

/** For `<rondo-chat>`; the elements inside inherit it. */
export const theme = css`
  :host {
    color-scheme: light dark;
    --_ground: var(--rondo-ground, #fcfbf9);
    --_panel: var(--rondo-panel, #f3f1ec);
    --_raised: var(--rondo-raised, #ffffff);
    --_text: var(--rondo-text, #1e1d1a);
    --_muted: var(--rondo-muted, #635f57);
    --_line: var(--rondo-line, #e0dcd3);
    --_control-line: var(--rondo-control-line, #8a857a);
    --_accent: var(--rondo-accent, #0b6a5c);
    --_on-accent: var(--rondo-on-accent, #ffffff);
    --_alert: var(--rondo-alert, #a5371f);
    --_code-keyword: var(--rondo-code-keyword, #8a2a6e);
    --_code-string: var(--rondo-code-string, #39691a);
    --_code-value: var(--rondo-code-value, #924a0d);
    --_code-name: var(--rondo-code-name, #1f5a9e);
    --_code-type: var(--rondo-code-type, #0b665d);
    --_font: var(
      --rondo-font,
      system-ui,
      -apple-system,
      "Segoe UI",
      Roboto,
      sans-serif
    );
    --_display: var(
      --rondo-display-font,
      ui-serif,
      "Iowan Old Style",
      "Palatino Linotype",
      Palatino,
      Georgia,
      serif
    );
    --_mono: var(
      --rondo-mono-font,
      ui-monospace,
      "SF Mono",
      "Cascadia Mono",
      Menlo,
      Consolas,
      monospace
    );
    --_measure: var(--rondo-measure, 43rem);
  }

  @media screen and (prefers-color-scheme: dark) {
    :host {
      --_ground: var(--rondo-ground, #181715);
      --_panel: var(--rondo-panel, #211f1d);
      --_raised: var(--rondo-raised, #2a2825);
      --_text: var(--rondo-text, #ebe9e3);
      --_muted: var(--rondo-muted, #a8a49a);
      --_line: var(--rondo-line, #3a3733);
      --_control-line: var(--rondo-control-line, #7d796f);
      --_accent: var(--rondo-accent, #7accb9);
      --_on-accent: var(--rondo-on-accent, #07241f);
      --_alert: var(--rondo-alert, #ff9f88);
      --_code-keyword: var(--rondo-code-keyword, #e5a3d4);
      --_code-string: var(--rondo-code-string, #a9d08c);
      --_code-value: var(--rondo-code-value, #eeb680);
      --_code-name: var(--rondo-code-name, #92c2f2);
      --_code-type: var(--rondo-code-type, #7accb9);
    }
  }
`;

/** For each element. */
export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  :host([hidden]),
  [hidden] {
    display: none !important;
  }

  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5rem;
    min-height: 2.25rem;
    padding: 0.25rem 0.875rem;
    border: 1px solid color-mix(in srgb, var(--_line) 70%, var(--_control-line));
    border-radius: 0.625rem;
    background: var(--_raised);
    color: var(--_text);
    font: inherit;
    cursor: pointer;
  }

  button:hover {
    border-color: var(--_control-line);
  }

  button.plain {
    border-color: transparent;
    background: none;
    color: var(--_muted);
  }

  button.plain:hover {
    background: color-mix(in srgb, var(--_text) 7%, transparent);
    color: var(--_text);
  }

  button.square {
    width: 2.25rem;
    padding: 0;
  }

  button[aria-disabled="true"] {
    cursor: default;
  }

  button.plain[aria-disabled="true"],
  button.plain[aria-disabled="true"]:hover {
    background: none;
    color: var(--_muted);
  }

  button:is(.plain, .small)[aria-disabled="true"] {
    opacity: 0.45;
  }

  button.primary {
    border-color: transparent;
    background: var(--_accent);
    color: var(--_on-accent);
  }

  button.primary:hover {
    filter: brightness(1.08);
  }

  button.primary[aria-disabled="true"],
  button.primary[aria-disabled="true"]:hover {
    filter: none;
  }

  button.small {
    min-height: 2rem;
    padding-inline: 0.75rem;
    font-size: 0.9375rem;
  }

  button.square.small {
    width: 2rem;
    padding: 0;
  }

  :focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }

  /* A heading is where one begins to read, not what one works. */
  :is(h2, h3)[tabindex="-1"]:focus-visible {
    outline: none;
  }

  /* What stays out of sight while nobody is there; see round-element.ts. */
  .quiet {
    opacity: var(--_quiet, 1);
    transition: opacity 120ms;
  }

  .icon {
    flex: none;
    width: 1.125rem;
    height: 1.125rem;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  @media (pointer: coarse) {
    button,
    button.small {
      min-height: 2.75rem;
    }

    button.square,
    button.square.small {
      width: 2.75rem;
    }
  }

  /* Paper has nothing to press. */
  @media print {
    button:not(.attended) {
      display: none !important;
    }
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
