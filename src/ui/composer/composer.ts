import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { DOCUMENT_FILES } from "../state/chats/document-reader";
import { GrowingBox } from "./growing-box";
import { attachIcon, sendIcon, stopIcon, thinkIcon } from "../base/icons";
import { RequestEvent } from "../state/request";
import { base } from "../base/theme";

/**
 * `<rondo-composer>`: the box for the next message. Enter sends, Shift+Enter breaks the line, and the
 * Enter that ends an input method's composition does neither. On a screen keyboard, which has no such Shift, Enter
 * breaks the line and the button sends. Focus stays in the box.
 *
 * @csspart box - the frame around the text and its button
 * @csspart input - the text area
 */
export class Composer extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      .box {
        display: flex;
        align-items: flex-end;
        gap: 0.25rem;
        padding: 0.375rem;
        border: 1px solid var(--_control-line);
        border-radius: 1.375rem;
        background: var(--_raised);
      }

      :host([locked]) .box {
        border-color: var(--_line);
        background: none;
      }

      :host([locked]) textarea {
        color: var(--_muted);
      }

      .box:focus-within {
        border-color: var(--_accent);
        box-shadow: 0 0 0 1px var(--_accent);
      }

      textarea {
        flex: 1;
        min-width: 0;
        max-height: min(40dvh, 16rem);
        padding: 0.375rem 0.5rem;
        border: 0;
        background: none;
        color: inherit;
        font: inherit;
        line-height: 1.5;
        resize: none;
      }

      textarea:focus {
        outline: none;
      }

      textarea::placeholder {
        color: var(--_muted);
        opacity: 1;
      }

      :host([locked]) textarea {
        padding-inline-start: 0.75rem;
      }

      button.square {
        border-radius: 50%;
      }

      .think[aria-pressed="true"] {
        color: var(--_accent);
      }

      button.primary[aria-disabled="true"],
      button.primary[aria-disabled="true"]:hover {
        background: var(--_line);
        color: var(--_muted);
      }

      button.stop {
        background: var(--_text);
        color: var(--_ground);
      }

      @media (pointer: coarse) {
        textarea {
          min-height: 2.75rem;
          padding-block: 0.625rem;
          font-size: max(1rem, 16px);
        }
      }
    `,
  ];

  /** Shown in the empty box. */
  @property({ attribute: false }) placeholder = "";
  /** The text in the box. */
  @property({ attribute: false }) draft = "";
  /** Whether a reply is coming, so that the button stops it. */
  @property({ type: Boolean }) replying = false;
  /** Whether that reply is being stopped: Enter sends when it has. */
  @property({ attribute: false }) stopping = false;
  /** Whether the chat is busy, so that nothing can be sent now. */
  @property({ type: Boolean }) waiting = false;
  /** Whether the text can be read and not be changed or sent. */
  @property({ type: Boolean, reflect: true }) locked = false;
  /** Whether the model thinks before it answers; undefined where it cannot. */
  @property({ attribute: false }) thinks: boolean | undefined;
  @query("textarea") private input!: HTMLTextAreaElement | null;
  @query("input") private file!: HTMLInputElement;

  constructor() {
    super();
    new GrowingBox(this, () => this.input);
  }

  override focus(options?: FocusOptions): void {
    this.input?.focus(options);
  }

  override render() {
    return html`
      <div class="box" part="box">
        ${this.locked ? nothing : this.#attachButton()}
        <textarea
          part="input"
          rows="1"
          dir="auto"
          aria-label="Message"
          placeholder=${this.placeholder}
          enterkeyhint=${isTouch() ? "enter" : "send"}
          autocomplete="off"
          ?readonly=${this.locked}
          .value=${live(this.draft)}
          @input=${this.#onInput}
          @keydown=${this.#onKeydown}
          @paste=${this.#onPaste}
        ></textarea>
        ${this.#thinkButton()}
        ${this.replying ? this.#stopButton() : this.#sendButton()}
      </div>
    `;
  }

  #attachButton() {
    return html`
      <button
        class="attach plain square"
        type="button"
        aria-label="Attach a document"
        title="Attach a document"
        @click=${() => this.file.click()}
      >
        ${attachIcon}
      </button>
      <input
        type="file"
        multiple
        accept=${DOCUMENT_FILES}
        aria-label="Documents to attach"
        hidden
        @change=${this.#onFiles}
      />
    `;
  }

  #thinkButton() {
    if (this.thinks === undefined || this.locked) return nothing;
    const isOn = this.thinks;
    return html`
      <button
        class="plain square think"
        type="button"
        aria-label="Think before answering"
        title=${isOn ? "Thinks before it answers" : "Answers at once"}
        aria-pressed=${isOn ? "true" : "false"}
        @click=${() =>
          this.dispatchEvent(new RequestEvent({ type: "think", isOn: !isOn }))}
      >
        ${thinkIcon}
      </button>
    `;
  }

  #sendButton() {
    const isDisabled = !this.#maySend;
    return html`
      <button
        class="primary square"
        type="button"
        aria-label="Send"
        title=${isTouch() ? "Send" : "Send (Enter)"}
        aria-disabled=${isDisabled ? "true" : nothing}
        @click=${this.#send}
      >
        ${sendIcon}
      </button>
    `;
  }

  #stopButton() {
    return html`
      <button
        class="square stop"
        type="button"
        aria-label="Stop"
        title="Stop (Esc)"
        @click=${this.#onStop}
      >
        ${stopIcon}
      </button>
    `;
  }

  #onInput() {
    this.draft = this.input?.value ?? "";
    this.dispatchEvent(new RequestEvent({ type: "draft", text: this.draft }));
  }

  #onKeydown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isTouch() && !isCommand) return;
    event.preventDefault();
    if (!this.replying || this.stopping) this.#send();
  }

  get #maySend(): boolean {
    const isWaiting = this.waiting && !this.stopping;
    return !this.locked && !isWaiting && this.draft.trim() !== "";
  }

  #onFiles() {
    const files = [...(this.file.files ?? [])];
    // The same file may be chosen again.
    this.file.value = "";
    this.#attach(files);
    this.focus();
  }

  #onPaste(event: ClipboardEvent) {
    // Some programs copy text as a picture too: the text is meant. A picture alone is refused with why.
    const hasText = event.clipboardData?.types.includes("text/plain") === true;
    const files = [...(event.clipboardData?.files ?? [])].filter(
      ({ type }) => !hasText || !type.startsWith("image/"),
    );
    if (files.length === 0 || this.locked) return;
    event.preventDefault();
    this.#attach(files);
  }

  #attach(files: readonly File[]) {
    if (files.length > 0)
      this.dispatchEvent(new RequestEvent({ type: "attach", files }));
  }

  #send() {
    this.focus();
    if (!this.#maySend) return;
    this.dispatchEvent(new RequestEvent({ type: "send", text: this.draft }));
  }

  #onStop(event: MouseEvent) {
    this.focus();
    // The second click of a double click on Send is none on Stop.
    if (event.detail < 2)
      this.dispatchEvent(new RequestEvent({ type: "stop" }));
  }
}

/** Whether one types on a screen keyboard. */
function isTouch(): boolean {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/**
 * Whether the key belongs to an input method. Safari sends the Enter that ends a composition after
 * `compositionend`, with `isComposing` false and the key code 229 that input methods use.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-composer": Composer;
  }
}
