/** How labels, fields and what explains them look in a dialog. */
import { css } from "lit";

export const field = css`
  label,
  legend {
    display: block;
    margin-bottom: 0.25rem;
    font-size: 0.9375rem;
  }

  input:not([type="radio"]),
  select {
    display: block;
    width: 100%;
    min-height: 2.5rem;
    padding: 0.375rem 0.75rem;
    border: 1px solid var(--_control-line);
    border-radius: 0.625rem;
    background: var(--_raised);
    color: inherit;
    font: inherit;
  }

  input::placeholder {
    color: var(--_muted);
    opacity: 1;
  }

  input:focus-visible,
  select:focus-visible {
    border-color: var(--_accent);
    outline-width: 1px;
    outline-offset: 0;
  }

  summary {
    width: fit-content;
    padding: 0.25rem 0;
    color: var(--_muted);
    font-size: 0.9375rem;
    cursor: pointer;
  }

  fieldset {
    margin: 0;
    padding: 0;
    border: 0;
  }

  legend {
    padding: 0;
  }

  .choice {
    display: flex;
    align-items: baseline;
    gap: 0.5rem;
    padding: 0.25rem 0;
  }

  input[type="radio"] {
    flex: none;
    min-height: 0;
    accent-color: var(--_accent);
  }

  details[open] summary {
    margin-bottom: 0.375rem;
  }

  p {
    margin: 0.375rem 0 0;
    color: var(--_muted);
    font-size: 0.875rem;
    line-height: 1.45;
    text-wrap: pretty;
  }

  .complaint {
    color: var(--_alert);
  }

  @media (pointer: coarse) {
    input:not([type="radio"]),
    select {
      min-height: 2.75rem;
      font-size: max(1rem, 16px);
    }

    summary,
    .choice {
      padding-block: 0.625rem;
    }
  }
`;
