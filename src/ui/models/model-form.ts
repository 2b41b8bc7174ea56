import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import { isComposing } from "../composer/composer";
import { field } from "../base/field";
import { importIcon } from "../base/icons";
import { MODEL_FILES, typedSource } from "../state/models/model-request";
import { base } from "../base/theme";

/** A model outside the list should be looked up. Stays inside the picker. */
export class LookUpEvent extends Event {
  static readonly type = "rondo-look-up";
  readonly source: string;

  constructor(source: string) {
    super(LookUpEvent.type);
    this.source = source;
  }
}

/** Files were chosen. Stays inside the picker. */
export class FilesEvent extends Event {
  static readonly type = "rondo-files";
  readonly files: readonly File[];

  constructor(files: readonly File[]) {
    super(FilesEvent.type);
    this.files = files;
  }
}

/**
 * `<rondo-model-form>`: a form for a model outside the list: on the hub, at a URL, or in files.
 *
 * @fires rondo-look-up - LookUpEvent: a model should be looked up
 * @fires rondo-files - FilesEvent: files were chosen
 * @slot - the result of the lookup
 */
export class ModelForm extends LitElement {
  static override styles = [
    base,
    field,
    css`
      :host {
        display: block;
      }

      h3 {
        margin: 0 0 0.5rem;
        font: 400 1.125rem/1.2 var(--_display);
      }

      .line {
        display: flex;
        gap: 0.5rem;
      }

      .line input {
        flex: 1;
        min-width: 0;
      }

      details {
        margin-top: 0.625rem;
      }

      .files {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 0.75rem;
        margin-top: 0.875rem;
      }

      .files p {
        flex: 1 1 12rem;
        margin: 0;
      }
    `,
  ];

  /** The hub's URL, where it is not the default. */
  @property({ attribute: false }) hubUrl: string | undefined;
  /** Whether a lookup is running. */
  @property({ attribute: false }) isBusy = false;
  @state() private complaint = "";
  @query("#place") private place!: HTMLInputElement;
  @query("#token") private tokenField!: HTMLInputElement;
  @query("#files") private file!: HTMLInputElement;

  /** For the hub; undefined where none was given. */
  get token(): string | undefined {
    const token = this.tokenField.value.trim();
    return token === "" ? undefined : token;
  }

  override focus(options?: FocusOptions): void {
    this.place.focus(options);
  }

  override render() {
    return html`
      <section aria-labelledby="title">
        <h3 id="title">Another model</h3>
        <label for="place">Its name on the hub, or its address</label>
        <div class="line">
          <input
            id="place"
            type="text"
            inputmode="url"
            autocapitalize="off"
            autocomplete="off"
            autocorrect="off"
            spellcheck="false"
            placeholder="org/name or org/name/file.gguf"
            aria-describedby=${this.complaint === "" ? nothing : "complaint"}
            aria-invalid=${this.complaint === "" ? nothing : "true"}
            @keydown=${this.#onKeydown}
          />
          <button
            type="button"
            aria-disabled=${this.isBusy ? "true" : nothing}
            @click=${this.#lookUp}
          >
            Look up
          </button>
        </div>
        ${
          this.complaint === ""
            ? nothing
            : html`<p class="complaint" id="complaint" role="alert">
                ${this.complaint}
              </p>`
        }
        <slot></slot>
        <details>
          <summary>Private or gated model</summary>
          <label for="token">Access token</label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            aria-describedby="about-token"
          />
          <p id="about-token">
            For private and gated models: it is sent to the hub only, and
            forgotten when the page is closed.
          </p>
        </details>
        <div class="files">
          <button type="button" @click=${() => this.file.click()}>
            ${importIcon}Open files…
          </button>
          <p>
            A .gguf file with all its parts, or all files of a model’s folder.
            You can drop them here too.
          </p>
          <input
            id="files"
            type="file"
            multiple
            accept=${MODEL_FILES}
            aria-label="Files of a model"
            hidden
            @change=${this.#openFiles}
          />
        </div>
      </section>
    `;
  }

  #onKeydown(event: KeyboardEvent) {
    if (event.key !== "Enter" || isComposing(event)) return;
    event.preventDefault();
    this.#lookUp();
  }

  #lookUp() {
    if (this.isBusy) return;
    const source = typedSource(this.place.value, this.hubUrl);
    this.complaint =
      source === undefined
        ? "Enter a name such as org/name, or an address that begins with https://."
        : "";
    if (source !== undefined) this.dispatchEvent(new LookUpEvent(source));
    else void this.#showComplaint();
  }

  async #showComplaint() {
    this.focus();
    await this.updateComplete;
    this.renderRoot.querySelector("#complaint")?.scrollIntoView({
      block: "nearest",
    });
  }

  #openFiles() {
    const files = [...(this.file.files ?? [])];
    // The same ones may be chosen again.
    this.file.value = "";
    if (files.length > 0) this.dispatchEvent(new FilesEvent(files));
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-look-up": LookUpEvent;
    "rondo-files": FilesEvent;
  }

  interface HTMLElementTagNameMap {
    "rondo-model-form": ModelForm;
  }
}
