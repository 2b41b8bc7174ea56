import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { isComposing } from "../composer/composer";
import { GrowingBox } from "../composer/growing-box";
import { RequestEvent, type ChatRequest } from "../state/request";
import type { RoundEdit } from "../state/chats/round";
import type { VersionWay } from "../state/chats/round-place";
import { base } from "../base/theme";

/**
 * `<rondo-message-editor>`: edits a sent message in place. Ctrl or Cmd with Enter sends it in the first of the
 * offered ways, Escape cancels.
 */
export class MessageEditor extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      .box {
        padding: 0.375rem;
        border: 1px solid var(--_control-line);
        border-radius: 1.125rem;
        background: var(--_raised);
      }

      .box:focus-within {
        border-color: var(--_accent);
        box-shadow: 0 0 0 1px var(--_accent);
      }

      textarea {
        display: block;
        width: 100%;
        max-height: min(50dvh, 24rem);
        padding: 0.375rem 0.625rem;
        border: 0;
        background: none;
        color: inherit;
        font: inherit;
        line-height: 1.6;
        resize: none;
      }

      textarea:focus {
        outline: none;
      }

      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        align-items: center;
        gap: 0.5rem 0.75rem;
        margin: 0.625rem 0 0;
      }

      dt,
      dd {
        margin: 0;
      }

      dt button {
        width: 100%;
      }

      dd {
        color: var(--_muted);
        font-size: 0.875rem;
        line-height: 1.4;
        text-wrap: pretty;
      }

      @media (max-width: 34rem) {
        dl {
          grid-template-columns: 1fr;
          gap: 0.25rem;
        }

        dd {
          padding-inline: 0.25rem;
        }

        dd + dt {
          margin-top: 0.375rem;
        }
      }

      @media (pointer: coarse) {
        textarea {
          min-height: 2.75rem;
          font-size: max(1rem, 16px);
        }
      }
    `,
  ];

  @property({ attribute: false }) roundId = 0;
  @property({ attribute: false }) edit!: RoundEdit;
  /** Whether there are later rounds, so that there are two ways to send. */
  @property({ attribute: false }) hasLater = false;
  /** Whether nothing can be sent now. */
  @property({ attribute: false }) isBusy = false;
  @query("textarea") private input!: HTMLTextAreaElement | null;

  constructor() {
    super();
    new GrowingBox(this, () => this.input);
  }

  /** Puts the cursor at the end. */
  override focus(options?: FocusOptions): void {
    const { input } = this;
    input?.focus(options);
    input?.setSelectionRange(input.value.length, input.value.length);
  }

  override render() {
    const { error, text } = this.edit;
    return html`
      <div class="box">
        <textarea
          rows="1"
          dir="auto"
          aria-label="Edit message"
          autocomplete="off"
          .value=${live(text)}
          @input=${this.#onInput}
          @keydown=${this.#onKeydown}
        ></textarea>
      </div>
      ${
        error === undefined
          ? nothing
          : html`<rondo-failure-note .error=${error}></rondo-failure-note>`
      }
      <dl>
        ${this.hasLater ? this.#twoWays() : this.#oneWay()} ${this.#above()}
        <dt>
          <button class="plain small" type="button" @click=${this.#close}>
            Cancel
          </button>
        </dt>
      </dl>
    `;
  }

  #oneWay() {
    return this.#way(
      "Send",
      "Gets a new reply; this version is kept.",
      "branch",
    );
  }

  #twoWays() {
    return [
      this.#way(
        "Send, keep what follows",
        "Later messages are kept and recomputed.",
        "keep",
      ),
      this.#way(
        "Send as a new branch",
        "The chat continues from here; later messages stay in the other version.",
        "branch",
      ),
    ];
  }

  #above() {
    return this.#way(
      "Insert above",
      "Adds a message before this one. All others are kept.",
      "insert",
    );
  }

  #way(label: string, meaning: string, way: VersionWay) {
    const isFirst = way === this.#firstWay;
    const id = `way-${way}`;
    return html`
      <dt>
        <button
          class="small ${isFirst ? "primary" : ""}"
          type="button"
          title=${isFirst ? "Ctrl+Enter" : nothing}
          aria-describedby=${id}
          aria-disabled=${this.#isDisabled ? "true" : nothing}
          @click=${() => this.#send(way)}
        >
          ${label}
        </button>
      </dt>
      <dd id=${id}>${meaning}</dd>
    `;
  }

  get #firstWay(): VersionWay {
    return this.hasLater ? "keep" : "branch";
  }

  get #isDisabled(): boolean {
    return this.isBusy || this.edit.text.trim() === "";
  }

  #onInput() {
    const text = this.input?.value ?? "";
    this.#ask({ type: "draft-version", roundId: this.roundId, text });
  }

  #onKeydown(event: KeyboardEvent) {
    if (isComposing(event)) return;
    const isSending = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (!isSending && event.key !== "Escape") return;
    event.preventDefault();
    // The chat around it must not take the key for itself.
    event.stopPropagation();
    if (isSending) this.#send(this.#firstWay);
    else this.#close();
  }

  #send(way: VersionWay) {
    if (this.#isDisabled) return;
    const { roundId } = this;
    const { text } = this.edit;
    this.#ask({ type: "send-version", roundId, text, way });
  }

  #close() {
    this.#ask({ type: "close-editor", roundId: this.roundId });
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-message-editor": MessageEditor;
  }
}
