import { css, html, LitElement } from "lit";
import { property, query } from "lit/decorators.js";
import { importIcon } from "../base/icons";
import { nameOfId } from "../state/models/known-models";
import { MODEL_FILES } from "../state/models/model-request";
import { RequestEvent, type ChatRequest } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-wanted-file>`: asks for the file of the model that was used last and is not kept on this device, rather
 * than going on with another model.
 */
export class WantedFile extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      section {
        padding: 0.875rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 1rem;
        background: var(--_raised);
        line-height: 1.45;
      }

      p {
        margin: 0 0 0.75rem;
        overflow-wrap: anywhere;
      }

      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
      }
    `,
  ];

  /** What the file is called. */
  @property({ attribute: false }) name = "";
  /** Whether the shown chat was with this model. */
  @property({ attribute: false }) isOfChat = false;
  /** The model that the page names. */
  @property({ attribute: false }) own: string | undefined;
  @query("input") private input!: HTMLInputElement;

  override render() {
    const { isOfChat, name, own } = this;
    const about = isOfChat
      ? html`This chat was with <bdi>${name}</bdi>, which`
      : html`You last used <bdi>${name}</bdi>, which`;
    return html`
      <section role="status">
        <p>
          ${about} is not kept on this device. Drop or choose the file again, or
          go on with ${own === undefined ? "another model" : nameOfId(own)}.
          Messages wait until then.
        </p>
        <div class="buttons">
          <button type="button" @click=${() => this.input.click()}>
            ${importIcon}Choose the file…
          </button>
          ${this.#goOn(own)}
        </div>
        <input
          type="file"
          multiple
          accept=${MODEL_FILES}
          aria-label="Files of the model"
          hidden
          @change=${this.#open}
        />
      </section>
    `;
  }

  #goOn(own: string | undefined) {
    if (own === undefined)
      return html`<button
        class="plain"
        type="button"
        aria-haspopup="dialog"
        @click=${() => this.#ask({ type: "show-models" })}
      >
        Choose another model
      </button>`;
    const model = { source: own, options: {} };
    return html`<button
      class="plain"
      type="button"
      @click=${() => this.#ask({ type: "use-model", model })}
    >
      Go on with ${nameOfId(own)}
    </button>`;
  }

  #open() {
    const files = [...(this.input.files ?? [])];
    // The same ones may be chosen again.
    this.input.value = "";
    if (files.length > 0)
      this.#ask({ type: "use-model", model: { source: files, options: {} } });
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-wanted-file": WantedFile;
  }
}
