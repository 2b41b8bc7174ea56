import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { StoredModel } from "../../engine/api/models";
import { isComposing } from "../composer/composer";
import { dialogStyles } from "../dialogs/dialog-styles";
import { closeIcon } from "../base/icons";
import { HISTORY_TOKENS } from "../state/models/known-models";
import type { CardEvent, ModelCard } from "./model-card";
import { modelEntries } from "./model-entries";
import type { FilesEvent, LookUpEvent, ModelForm } from "./model-form";
import type { ModelPlanElement } from "./model-plan";
import type { ModelOptions, ModelRequest } from "../state/models/model-request";
import type { Lookup } from "../state/models/models";
import { RequestEvent, type ChatRequest } from "../state/request";
import { wholeText } from "../base/sizes";
import { base } from "../base/theme";

/** `<rondo-model-picker>`: a dialog with the list of models, or with the plan of one that was looked up. */
export class ModelPicker extends LitElement {
  static override styles = [
    base,
    dialogStyles,
    css`
      :host {
        --_width: 44rem;
      }

      .body:focus-visible {
        outline-offset: -2px;
      }

      .about {
        margin: 0 0 0.875rem;
        color: var(--_muted);
        font-size: 0.9375rem;
        line-height: 1.5;
      }

      ul {
        display: grid;
        gap: 0.5rem;
        margin: 0 0 1.5rem;
        padding: 0;
        list-style: none;
      }

      .asking {
        margin: 0.5rem 0 0;
        color: var(--_muted);
        font-size: 0.9375rem;
      }

      li .asking,
      li rondo-failure-note {
        margin-inline: 0.25rem;
      }

      .is-over {
        outline: 2px dashed var(--_accent);
        outline-offset: -8px;
      }
    `,
  ];

  /** The model that the page names, if it names one. */
  @property({ attribute: false }) own: string | undefined;
  /** On this device. */
  @property({ attribute: false }) kept: readonly StoredModel[] = [];
  /** The model that is loaded or loading. */
  @property({ attribute: false }) inUse: ModelRequest | undefined;
  @property({ attribute: false }) isLoading = false;
  /** What is to know of the model in use. */
  @property({ attribute: false }) note: string | undefined;
  @property({ attribute: false }) lookup: Lookup | undefined;
  /** Why listing or deleting models on this device failed. */
  @property({ attribute: false }) error: Error | undefined;
  /** The hub's URL, where it is not the default. */
  @property({ attribute: false }) hubUrl: string | undefined;
  /** Whether files are held over the page. */
  @property({ attribute: false }) isDropping = false;
  /** The card whose model is looked up; undefined for typed input. */
  @state() private askedCard: string | undefined;
  @query("dialog") private dialog!: HTMLDialogElement | null;
  @query("h2") private heading!: HTMLElement;
  @query(".body") private body!: HTMLElement;
  @query("rondo-model-form") private form!: ModelForm;
  @query("rondo-model-plan") private plan!: ModelPlanElement;

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  async show(): Promise<void> {
    await this.updateComplete;
    if (!this.isOpen) this.dialog?.showModal();
    this.heading.focus();
  }

  close(): void {
    this.dialog?.close();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("lookup") || !this.isOpen) return;
    const before = changed.get("lookup");
    if (this.lookup?.error !== before?.error) void this.#showFailure();
    const isShown = this.lookup?.plan !== undefined;
    if (isShown === (before?.plan !== undefined)) return;
    this.body.scrollTop = 0;
    void (isShown ? this.#focusPlan() : this.#focusAsked());
  }

  override render() {
    const isPlan = this.lookup?.plan !== undefined;
    return html`
      <dialog
        aria-labelledby="title"
        class=${this.isDropping ? "is-over" : ""}
        @keydown=${this.#onKeydown}
        @close=${this.#closed}
      >
        <div class="top">
          <h2 id="title" tabindex="-1">Choose a model</h2>
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
          <div ?hidden=${isPlan}>${this.#list()}</div>
          <rondo-model-plan
            ?hidden=${!isPlan}
            .lookup=${this.lookup}
          ></rondo-model-plan>
        </div>
      </dialog>
    `;
  }

  #list() {
    const { error, hubUrl, inUse, kept, lookup, own } = this;
    return html`
      <p class="about">
        Larger models know more and answer better. Downloads stay on this
        device. Memory includes ${wholeText(HISTORY_TOKENS)} tokens of history,
        about 3,000 words.
      </p>
      ${
        error === undefined
          ? nothing
          : html`<rondo-failure-note .error=${error}></rondo-failure-note>`
      }
      <ul aria-label="Models">
        ${repeat(
          modelEntries(own, kept, inUse),
          ({ source }) => source,
          (entry) =>
            html`<li>
              <rondo-model-card
                .entry=${entry}
                .isLoading=${this.isLoading}
                .note=${this.note}
                @rondo-card=${this.#onCard}
              ></rondo-model-card>
              ${
                entry.source !== undefined && entry.source === this.askedCard
                  ? this.#answer()
                  : nothing
              }
            </li>`,
        )}
      </ul>
      <rondo-model-form
        .hubUrl=${hubUrl}
        .isBusy=${lookup?.isRunning ?? false}
        @rondo-look-up=${this.#onLookUp}
        @rondo-files=${this.#onFiles}
      >
        ${this.askedCard === undefined ? this.#answer() : nothing}
      </rondo-model-form>
    `;
  }

  /** State of the lookup, until there is a plan. */
  #answer() {
    const { error, isRunning } = this.lookup ?? {};
    if (isRunning)
      return html`<p class="asking" role="status">Looking it up…</p>`;
    if (error === undefined) return nothing;
    return html`<rondo-failure-note .error=${error}></rondo-failure-note>`;
  }

  /** Options of the lookup, for the hub. */
  get #options(): ModelOptions {
    const { token } = this.form;
    return token === undefined ? {} : { hubToken: token };
  }

  #onCard({ action, source }: CardEvent) {
    const model = { source, options: this.#options };
    if (action === "details") this.askedCard = source;
    this.#ask({
      type: action === "details" ? "plan-model" : "use-model",
      model,
    });
  }

  #onLookUp({ source }: LookUpEvent) {
    this.askedCard = undefined;
    this.#ask({
      type: "plan-model",
      model: { source, options: this.#options },
    });
  }

  #onFiles({ files }: FilesEvent) {
    this.#ask({ type: "use-model", model: { source: files, options: {} } });
  }

  async #focusPlan() {
    await this.plan.updateComplete;
    this.plan.focus();
  }

  /** Scrolls to a failure that appeared out of sight. */
  async #showFailure() {
    await this.updateComplete;
    const note = this.renderRoot.querySelector("rondo-failure-note");
    await note?.updateComplete;
    note?.scrollIntoView({ block: "nearest" });
  }

  /** Focuses the element that started the lookup. */
  async #focusAsked() {
    const cards =
      this.renderRoot.querySelectorAll<ModelCard>("rondo-model-card");
    const asked = [...cards].find(
      ({ entry }) => entry.source === this.askedCard,
    );
    await this.updateComplete;
    (this.askedCard === undefined ? this.form : asked)?.focus();
  }

  #closed() {
    this.askedCard = undefined;
    this.#ask({ type: "close-plan" });
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
    "rondo-model-picker": ModelPicker;
  }
}
