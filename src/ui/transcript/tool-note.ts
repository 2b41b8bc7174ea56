/** What a tool was asked or gave: a line that opens to its text. */
import { css, html } from "lit";

export const toolNoteStyles = css`
  .tool {
    margin-block: 0.5rem;
    color: var(--_muted);
    font-size: 0.875rem;
  }

  .tool summary {
    cursor: pointer;
  }

  .tool pre {
    max-height: 20rem;
    margin: 0.375rem 0 0;
    overflow: auto;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
`;

export function toolNote(label: string, text: string) {
  return html`<details class="tool">
    <summary>${label}</summary>
    <pre dir="auto" tabindex="0" .textContent=${text}></pre>
  </details>`;
}
