import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import { isComposing } from "../composer/composer";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

/** `<rondo-instructions>`: a dialog for a chat's system prompt. */
export class Instructions extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: contents;
      }

      dialog {
        width: min(36rem, 100vw - 2rem);
        max-height: calc(100dvh - 2rem);
        padding: 1.25rem;
        border: 1px solid var(--_line);
        border-radius: 1.25rem;
        background: var(--_ground);
        color: var(--_text);
        box-shadow: 0 1rem 3rem rgb(0 0 0 / 24%);
      }

      dialog::backdrop {
        background: rgb(0 0 0 / 40%);
      }

      h2 {
        margin: 0;
        font: 400 1.375rem/1.2 var(--_display);
        letter-spacing: -0.01em;
      }

      p {
        margin: 0.375rem 0 0.875rem;
        color: var(--_muted);
        font-size: 0.9375rem;
        line-height: 1.5;
      }

      .failure {
        margin-block: 0.75rem 0;
        color: var(--_alert);
      }

      textarea {
        display: block;
        width: 100%;
        min-height: 9rem;
        max-height: 50dvh;
        padding: 0.75rem;
        border: 1px solid var(--_control-line);
        border-radius: 0.875rem;
        background: var(--_raised);
        color: inherit;
        font: inherit;
        line-height: 1.5;
        resize: vertical;
      }

      textarea:focus-visible {
        border-color: var(--_accent);
        outline-width: 1px;
        outline-offset: 0;
      }

      .actions {
        display: flex;
        justify-content: end;
        gap: 0.5rem;
        margin-top: 1rem;
      }

      @media (pointer: coarse) {
        textarea {
          font-size: max(1rem, 16px);
        }
      }
    `,
  ];

  /** Whether they can't be saved now. */
  @property({ attribute: false }) isBusy = false;
  @state() private failure = "";
  @query("dialog") private dialog!: HTMLDialogElement;
  @query("textarea") private input!: HTMLTextAreaElement;

  /** @param failure why `text` could not be saved */
  async show(text: string, failure = ""): Promise<void> {
    this.failure = failure;
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
    this.input.value = text;
    this.input.focus();
  }

  override render() {
    return html`
      <dialog aria-labelledby="title" @keydown=${this.#onKeydown}>
        <h2 id="title">Instructions</h2>
        <p id="about">
          The model reads these before all messages of this chat. Existing
          messages are kept and recomputed.
        </p>
        <textarea
          dir="auto"
          aria-label="Instructions"
          aria-describedby="about"
          placeholder="Answer in one sentence."
        ></textarea>
        ${
          this.failure === ""
            ? nothing
            : html`<p class="failure" role="alert">${this.failure}</p>`
        }
        <div class="actions">
          <button type="button" @click=${this.#close}>Cancel</button>
          <button
            class="primary"
            type="button"
            aria-disabled=${this.isBusy ? "true" : nothing}
            @click=${this.#save}
          >
            Save
          </button>
        </div>
      </dialog>
    `;
  }

  #onKeydown(event: KeyboardEvent) {
    if (isComposing(event)) return;
    // The browser closes the dialog; the chat around it must not take the key for itself.
    if (event.key === "Escape") event.stopPropagation();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#save();
  }

  #close = () => this.dialog.close();

  #save() {
    if (this.isBusy) return;
    const text = this.input.value;
    this.#close();
    this.dispatchEvent(new RequestEvent({ type: "instruct", text }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-instructions": Instructions;
  }
}
