import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import type { TurnRecord } from "../../../engine/api/memory-snapshot";
import { base } from "../../base/theme";
import { section } from "../base/memory-styles";
import { turnPlots } from "./turn-figures";

let timelineCount = 0;

/** `<rondo-memory-timeline>`: memory, uploads, time to the first token and speed, turn by turn. */
export class Timeline extends LitElement {
  static override styles = [
    base,
    section,
    css`
      :host {
        container-type: inline-size;
      }

      .plots {
        display: grid;
        align-items: end;
        gap: 0.75rem 1.5rem;
      }

      @container (min-width: 27rem) {
        .plots {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }

      .scroll {
        max-height: 20rem;
      }
    `,
  ];

  /** Oldest first. */
  @property({ attribute: false }) turns: readonly TurnRecord[] = [];
  /** The table is rendered only while it is open. */
  @state() private isOpen = false;
  readonly #syncKey = `rondo-timeline-${timelineCount++}`;

  override render() {
    const { turns } = this;
    if (turns.length === 0)
      return html`
        <h3>Turns</h3>
        <p class="note">Time and memory of each turn appear here.</p>
      `;
    const plots = turnPlots(turns);
    return html`
      <h3>Turns</h3>
      <div class="plots">
        ${plots.map(
          (plot) =>
            html`<rondo-turn-plot
              .plot=${plot}
              .syncKey=${this.#syncKey}
            ></rondo-turn-plot>`,
        )}
      </div>
      <details @toggle=${this.#toggle}>
        <summary>As a table</summary>
        ${this.isOpen ? this.#table() : nothing}
      </details>
    `;
  }

  #table() {
    const plots = turnPlots(this.turns);
    const columns = plots.flatMap(({ format, lines, name }) =>
      lines.map((line) => ({
        name: line.name === "KV" ? "KV of it" : name,
        values: line.values.map(format),
      })),
    );
    return html`
      <div class="scroll" tabindex="0" role="group" aria-label="Table of turns">
        <table>
          <thead>
            <tr>
              <th scope="col">Turn</th>
              ${columns.map(
                ({ name }) => html`<th class="number" scope="col">${name}</th>`,
              )}
            </tr>
          </thead>
          <tbody>
            ${this.turns.map(
              (_, i) =>
                html`<tr>
                  <th scope="row">${i + 1}</th>
                  ${columns.map(
                    ({ values }) => html`<td class="number">${values[i]}</td>`,
                  )}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    `;
  }

  #toggle = ({ target }: Event) => {
    this.isOpen = (target as HTMLDetailsElement).open;
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory-timeline": Timeline;
  }
}
