import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { sendIcon, stopIcon } from "./icons";
import { RequestEvent } from "./request";
import { base } from "./theme";

/**
 * `<rondo-composer>`: the box for the next message. Enter sends, Shift+Enter breaks the line, and the
 * Enter that ends an input method's composition does neither. Focus stays in the box.
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
        padding: 0.375rem 0.5rem 0.375rem 0.75rem;
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

      button.square {
        border-radius: 50%;
        border-color: transparent;
        background: var(--_accent);
        color: var(--_on-accent);
      }

      button.square:hover {
        filter: brightness(1.08);
      }

      button[aria-disabled="true"],
      button[aria-disabled="true"]:hover {
        background: var(--_line);
        color: var(--_muted);
        filter: none;
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

  /** The text in the box. */
  @property({ attribute: false }) draft = "";
  /** Whether a reply is coming, so that the button stops it. */
  @property({ type: Boolean }) replying = false;
  /** Whether the text can be read and not be changed or sent. */
  @property({ type: Boolean, reflect: true }) locked = false;
  @query("textarea") private input!: HTMLTextAreaElement | null;
  /** In the frame after: a box that grew while sizes are observed would be observed again. */
  #width = new ResizeObserver(() => requestAnimationFrame(() => this.#fit()));

  override focus(options?: FocusOptions): void {
    this.input?.focus(options);
  }

  override render() {
    return html`
      <div class="box" part="box">
        <textarea
          part="input"
          rows="1"
          aria-label="Message"
          placeholder="Write a message"
          enterkeyhint="send"
          autocomplete="off"
          ?readonly=${this.locked}
          .value=${live(this.draft)}
          @input=${this.#onInput}
          @keydown=${this.#onKeydown}
        ></textarea>
        ${this.replying ? this.#stopButton() : this.#sendButton()}
      </div>
    `;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#width.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#width.disconnect();
  }

  protected override updated(): void {
    this.#fit();
  }

  /** Makes the box as high as its text. */
  #fit(): void {
    const { input } = this;
    if (input === null) return;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }

  #sendButton() {
    const isOfNoUse = this.locked || this.draft.trim() === "";
    return html`
      <button
        class="square"
        type="button"
        aria-label="Send"
        title="Send (Enter)"
        aria-disabled=${isOfNoUse ? "true" : nothing}
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
        @click=${this.#stop}
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
    event.preventDefault();
    if (!this.replying) this.#send();
  }

  #send() {
    this.focus();
    if (this.locked || this.draft.trim() === "") return;
    this.dispatchEvent(new RequestEvent({ type: "send", text: this.draft }));
  }

  #stop() {
    this.focus();
    this.dispatchEvent(new RequestEvent({ type: "stop" }));
  }
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
