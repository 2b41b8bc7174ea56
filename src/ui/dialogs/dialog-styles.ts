/** Styles of dialogs with a heading, a close button and a scrolling body. */
import { css } from "lit";

/** The host says how wide the dialog is: `--_width`. */
export const dialogStyles = css`
  :host {
    display: contents;
  }

  dialog {
    width: min(var(--_width), 100vw - 1.5rem);
    max-width: none;
    height: fit-content;
    max-height: calc(100dvh - 1.5rem);
    padding: 0;
    border: 1px solid var(--_line);
    border-radius: 1.25rem;
    background: var(--_ground);
    color: var(--_text);
    box-shadow: 0 1rem 3rem rgb(0 0 0 / 24%);
    overflow: hidden;
  }

  dialog[open] {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
  }

  dialog::backdrop {
    background: rgb(0 0 0 / 40%);
  }

  .top {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding: 1rem 1rem 0.75rem 1.25rem;
  }

  h2 {
    margin: 0;
    font: 400 1.375rem/1.2 var(--_display);
    letter-spacing: -0.01em;
  }

  .body {
    padding: 0.25rem 1.25rem 1.25rem;
    overflow-y: auto;
  }

  @media (max-width: 34rem) {
    .top {
      padding-inline: 1rem 0.625rem;
    }

    .body {
      padding-inline: 1rem;
    }
  }
`;
