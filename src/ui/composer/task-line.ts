/** Styles of the line above the box that shows a task, its progress, and how to stop it. */
import { css } from "lit";

export const taskLine = css`
  :host {
    display: block;
    color: var(--_muted);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }

  .line {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    min-height: 2rem;
  }

  .line > :first-child {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .line button {
    flex: none;
    margin-inline-start: auto;
    font-size: 0.8125rem;
  }

  progress {
    appearance: none;
    display: block;
    width: 100%;
    height: 2px;
    border: 0;
    border-radius: 1rem;
    background: var(--_line);
    overflow: hidden;
  }

  progress::-webkit-progress-bar {
    background: var(--_line);
  }

  progress::-webkit-progress-value {
    background: var(--_accent);
    transition: inline-size 200ms;
  }

  progress::-moz-progress-bar {
    background: var(--_accent);
  }

  @media (forced-colors: active) {
    progress {
      --_line: GrayText;
      --_accent: Highlight;
      forced-color-adjust: none;
    }
  }
`;
