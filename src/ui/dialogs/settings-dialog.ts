import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { isComposing } from "../composer/composer";
import { dialogStyles } from "./dialog-styles";
import { closeIcon } from "../base/icons";
import { RequestEvent, type ChatRequest } from "../state/request";
import {
  MEMORY_SETTINGS,
  REPLY_SETTINGS,
  SAMPLER_SETTINGS,
  type SettingText,
} from "./setting-texts";
import { isSame, type Settings } from "../state/settings/settings";
import { base } from "../base/theme";

/** `<rondo-settings>`: a dialog for how replies are generated. Changes take effect at once. */
export class SettingsDialog extends LitElement {
  static override styles = [
    base,
    dialogStyles,
    css`
      :host {
        --_width: 36rem;
      }

      h3 {
        margin: 0.25rem 0 -0.5rem;
        font: 400 1.1875rem/1.2 var(--_display);
        letter-spacing: -0.01em;
      }

      .body {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1.5rem;
      }

      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1.25rem;
      }

      section + section {
        padding-top: 1.25rem;
        border-top: 1px solid var(--_line);
      }

      details rondo-setting {
        margin-top: 1.25rem;
      }

      details rondo-setting:first-of-type {
        margin-top: 0.75rem;
      }

      summary {
        width: fit-content;
        padding: 0.25rem 0;
        color: var(--_muted);
        font-size: 0.9375rem;
        cursor: pointer;
      }

      .switch {
        display: flex;
        align-items: flex-start;
        gap: 0.75rem;
      }

      .switch input {
        position: relative;
        flex: none;
        width: 2.5rem;
        height: 1.5rem;
        margin: 0.125rem 0 0;
        border-radius: 1rem;
        appearance: none;
        cursor: pointer;
      }

      /* The track, no higher than this where the target is. */
      .switch input::before {
        position: absolute;
        inset: calc(50% - 0.75rem) 0;
        border: 1px solid var(--_control-line);
        border-radius: 1rem;
        background: var(--_raised);
        content: "";
      }

      .switch input::after {
        position: absolute;
        inset-block-start: calc(50% - 0.5rem);
        inset-inline-start: 0.25rem;
        width: 1rem;
        height: 1rem;
        border-radius: 50%;
        background: var(--_control-line);
        content: "";
      }

      .switch input:checked::before {
        border-color: var(--_accent);
        background: var(--_accent);
      }

      .switch input:checked::after {
        inset-inline: auto 0.25rem;
        background: var(--_on-accent);
      }

      .switch label {
        font-weight: 600;
        font-size: 0.9375rem;
      }

      p {
        margin: 0.375rem 0 0;
        color: var(--_muted);
        font-size: 0.875rem;
        line-height: 1.45;
        text-wrap: pretty;
      }

      .again {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 0.75rem;
        margin-top: 0.625rem;
      }

      .again p {
        margin: 0;
        color: var(--_text);
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0.5rem;
      }

      @media (pointer: coarse) {
        .switch label,
        summary {
          padding-block: 0.5rem;
        }

        .switch input {
          width: 2.75rem;
          height: 2.75rem;
          margin-top: -0.125rem;
        }
      }

      @media (forced-colors: active) {
        .switch input {
          appearance: auto;
        }

        .switch input::before,
        .switch input::after {
          content: none;
        }
      }
    `,
  ];

  /** The user's settings. */
  @property({ attribute: false }) chosen: Settings = {};
  /** The page's settings. */
  @property({ attribute: false }) defaults: Settings = {};
  /** Whether a change takes effect only when the model is loaded again. */
  @property({ attribute: false }) needsLoad = false;
  /** Whether this tab may change the chat's instructions. */
  @property({ attribute: false }) mayInstruct = true;
  @query("dialog") private dialog!: HTMLDialogElement;
  @query("h2") private heading!: HTMLElement;

  async show(): Promise<void> {
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
    this.heading.focus();
  }

  close(): void {
    this.dialog.close();
  }

  override render() {
    const hasChoice = !isSame(this.chosen, {});
    return html`
      <dialog aria-labelledby="title" @keydown=${this.#onKeydown}>
        <div class="top">
          <h2 id="title" tabindex="-1">Settings</h2>
          <button
            class="plain square"
            type="button"
            aria-label="Close"
            @click=${() => this.close()}
          >
            ${closeIcon}
          </button>
        </div>
        <div class="body">
          <section aria-labelledby="replies">
            <h3 id="replies">Replies</h3>
            ${REPLY_SETTINGS.map((text) => this.#field(text))}
            <details>
              <summary>More sampling settings</summary>
              ${SAMPLER_SETTINGS.map((text) => this.#field(text))}
            </details>
          </section>
          <section aria-labelledby="memory">
            <h3 id="memory">Memory</h3>
            ${this.#attention()}
            ${MEMORY_SETTINGS.map((text) => this.#field(text))}
          </section>
          <section class="actions" aria-label="More">
            ${this.mayInstruct ? this.#instructions() : nothing}
            <button
              type="button"
              aria-disabled=${hasChoice ? nothing : "true"}
              @click=${this.#resetAll}
            >
              Reset all
            </button>
          </section>
        </div>
      </dialog>
    `;
  }

  #field(text: SettingText) {
    const { chosen, defaults, needsLoad } = this;
    return html`<rondo-setting
      .text=${text}
      .chosen=${chosen}
      .defaults=${defaults}
      >${
        text.name === "memoryBudgetBytes" && needsLoad
          ? this.#loadAgain()
          : nothing
      }</rondo-setting
    >`;
  }

  #loadAgain() {
    return html`<div class="again" role="status">
      <p>Takes effect when the model is loaded again.</p>
      <button
        class="small"
        type="button"
        @click=${() => {
          this.close();
          this.#ask({ type: "load" });
        }}
      >
        Load it again
      </button>
    </div>`;
  }

  #attention() {
    const mode = this.chosen.attention ?? this.defaults.attention ?? "rounds";
    const { attention } = this.defaults;
    const byPage = attention === undefined ? "" : ", set by this page";
    return html`<div class="switch">
      <input
        id="attention"
        type="checkbox"
        role="switch"
        aria-describedby="attention-about"
        .checked=${live(mode === "rounds")}
        @change=${this.#onAttention}
      />
      <div>
        <label for="attention">Round Attention</label>
        <p id="attention-about">
          Reads only the messages that matter for the question, which keeps long
          chats fast. When off, each reply reads the whole chat: slower, with
          more memory. Default: ${attention === "all" ? "off" : "on"}${byPage}.
        </p>
      </div>
    </div>`;
  }

  #instructions() {
    return html`<button
      type="button"
      aria-haspopup="dialog"
      @click=${() => {
        this.close();
        this.#ask({ type: "show-instructions" });
      }}
    >
      Instructions of this chat…
    </button>`;
  }

  #onAttention(event: Event) {
    if (!(event.target instanceof HTMLInputElement)) return;
    const mode = event.target.checked ? "rounds" : "all";
    const attention =
      mode === (this.defaults.attention ?? "rounds") ? undefined : mode;
    this.#ask({ type: "choose-settings", changes: { attention } });
  }

  #resetAll() {
    if (!isSame(this.chosen, {})) this.#ask({ type: "reset-settings" });
  }

  #onKeydown(event: KeyboardEvent) {
    // The browser closes the dialog; the chat around it must not take the key for itself.
    if (event.key === "Escape" && !isComposing(event)) event.stopPropagation();
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-settings": SettingsDialog;
  }
}
