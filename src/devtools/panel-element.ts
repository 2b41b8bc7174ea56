import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import { mark } from "../ui/base/icons";
import { base, theme } from "../ui/base/theme";
import type { PageEngine, PageState } from "./inspected-page";

/**
 * `<rondo-devtools-panel>`: the memory panel of an engine of the inspected page, or why there is nothing to show,
 * with a choice of engine where there are several.
 *
 * @prop pageState - the state of the page
 */
export class PanelElement extends LitElement {
  static override styles = [
    theme,
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100vh;
        overflow-y: auto;
        background: var(--_ground);
        color: var(--_text);
        font: 0.875rem/1.5 var(--_font);
      }

      label {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.5rem 1rem;
        border-bottom: 1px solid var(--_line);
        color: var(--_muted);
      }

      select {
        min-width: 0;
        max-width: 24rem;
        min-height: 2rem;
        padding: 0 0.5rem;
        border: 1px solid var(--_control-line);
        border-radius: 0.5rem;
        background: var(--_raised);
        color: var(--_text);
        font: inherit;
      }

      rondo-memory {
        flex: 1;
        min-height: 0;
      }

      .note {
        display: grid;
        justify-items: center;
        gap: 0.25rem;
        max-width: 32rem;
        margin: auto;
        padding: 2rem 1rem;
        text-align: center;
      }

      .note svg {
        width: 2rem;
        height: 2rem;
        margin-bottom: 0.5rem;
        color: var(--_muted);
      }

      h2 {
        margin: 0;
        font: 400 1.375rem/1.3 var(--_display);
        text-wrap: balance;
      }

      p {
        margin: 0;
        color: var(--_muted);
        text-wrap: pretty;
        overflow-wrap: anywhere;
      }

      @media (pointer: coarse) {
        select {
          min-height: 2.75rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) pageState: PageState = { type: "asking" };
  @state() private chosenId: number | undefined;

  protected override render() {
    const { pageState } = this;
    switch (pageState.type) {
      case "asking":
        return nothing;
      case "absent":
        return note(
          "No Rondo on this page",
          "This panel shows what a Rondo chat has in memory. Open a page with one. A chat in a frame of another page must be opened in its own tab.",
        );
      case "other-version":
        return pageState.isNewer
          ? note(
              "This panel is too old for the page",
              "The page has a newer Rondo. Rebuild the extension from that version, then reload it at chrome://extensions.",
            )
          : note(
              "The page is too old for this panel",
              "It has an older Rondo. Rebuild the page, or use the extension of its version.",
            );
      case "unreadable":
        return note("This page cannot be inspected", pageState.message);
      case "present":
        return this.#memory(pageState.engines);
      default:
        return pageState satisfies never;
    }
  }

  #memory(engines: readonly PageEngine[]) {
    const shown =
      engines.find(({ id }) => id === this.chosenId) ?? engines.at(0);
    if (shown === undefined)
      return note(
        "No engine on this page",
        "Rondo is on this page, but no engine runs. Its memory appears as soon as one does.",
      );
    return html`
      ${engines.length > 1 ? this.#chooser(engines, shown.id) : nothing}
      <rondo-memory .source=${shown.source}></rondo-memory>
    `;
  }

  #chooser(engines: readonly PageEngine[], shownId: number) {
    return html`
      <label>
        Engine
        <select @change=${this.#choose}>
          ${engines.map(
            ({ id, name }) =>
              html`<option value=${id} .selected=${id === shownId}>
                ${name}
              </option>`,
          )}
        </select>
      </label>
    `;
  }

  #choose(event: Event): void {
    this.chosenId = Number((event.target as HTMLSelectElement).value);
  }
}

function note(title: string, text: string) {
  return html`
    <div class="note" role="status">
      ${mark}
      <h2>${title}</h2>
      <p>${text}</p>
    </div>
  `;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-devtools-panel": PanelElement;
  }
}
