import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import { deviceName } from "../../model/hub/device-name";
import { hubName } from "../../model/hub/hub-name";
import type { AnswerEvent, DeleteQuestion } from "../dialogs/delete-question";
import { checkIcon, trashIcon } from "../base/icons";
import { memoryBytes, type KnownModel } from "../state/models/known-models";
import { whereText, type ModelEntry } from "./model-entries";
import { RequestEvent } from "../state/request";
import { byteText, countText, wholeText } from "../base/sizes";
import { base } from "../base/theme";

/** A card's button was pressed. Stays inside the picker. */
export class CardEvent extends Event {
  static readonly type = "rondo-card";
  readonly action: "use" | "details";
  readonly source: string;

  constructor(action: CardEvent["action"], source: string) {
    super(CardEvent.type);
    this.action = action;
    this.source = source;
  }
}

/**
 * `<rondo-model-card>`: one model of the list: what it is good for, its size, and whether it is on this device.
 *
 * @fires rondo-card - CardEvent: the model should be used, looked up or deleted
 */
export class ModelCard extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      article {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0.25rem 1rem;
        padding: 0.875rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 0.875rem;
        background: var(--_raised);
      }

      .is-used {
        border-color: var(--_accent);
      }

      h3 {
        margin: 0;
        font-size: 1rem;
        font-weight: 600;
        line-height: 1.4;
        overflow-wrap: anywhere;
      }

      p {
        margin: 0;
        font-size: 0.9375rem;
        line-height: 1.45;
        text-wrap: pretty;
      }

      .facts,
      .where {
        color: var(--_muted);
        font-size: 0.8125rem;
        line-height: 1.5;
      }

      .is-here {
        color: var(--_accent);
      }

      .words {
        grid-column: 1;
      }

      .words > * + * {
        margin-top: 0.1875rem;
      }

      .buttons {
        display: flex;
        grid-column: 2;
        grid-row: 1 / span 2;
        flex-direction: column;
        align-items: stretch;
        gap: 0.375rem;
        min-width: 7.125rem;
      }

      .row {
        display: flex;
        justify-content: end;
        gap: 0.375rem;
      }

      .used {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 0.375rem;
        min-height: 2rem;
        color: var(--_accent);
        font-size: 0.9375rem;
        white-space: nowrap;
      }

      rondo-delete-question {
        grid-column: 1 / -1;
        margin-top: 0.5rem;
      }

      @media (max-width: 34rem) {
        article {
          grid-template-columns: minmax(0, 1fr);
        }

        .buttons {
          grid-column: 1;
          grid-row: auto;
          flex-direction: row;
          align-items: center;
          margin-top: 0.375rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) entry!: ModelEntry;
  /** Whether the model in use is still loading. */
  @property({ attribute: false }) isLoading = false;
  /** What is to know of the model in use. */
  @property({ attribute: false }) note: string | undefined;
  @state() private isAsking = false;

  /** Focuses the button that looks it up. */
  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>(".details")?.focus(options);
  }

  override render() {
    const { isInUse, known, kept, name, source } = this.entry;
    return html`
      <article class=${isInUse ? "is-used" : ""} aria-labelledby="name">
        <div class="words">
          <h3 id="name"><bdi>${name}</bdi></h3>
          ${known === undefined ? nothing : this.#known(known)}
          ${
            known === undefined && kept !== undefined
              ? html`${
                    deviceName(kept.id) === undefined
                      ? html`<p class="facts"><bdi>${kept.id}</bdi></p>`
                      : nothing
                  }
                  <p class="facts">
                    Takes ${byteText(kept.keptBytes)} of this device.
                  </p>`
              : nothing
          }
          ${this.#where()}
          ${
            isInUse && this.note !== undefined
              ? html`<p class="facts note">${this.note}</p>`
              : nothing
          }
        </div>
        <div class="buttons">
          ${isInUse ? this.#used() : this.#useButton()}
          ${source === undefined ? nothing : this.#others(source)}
        </div>
        ${this.isAsking ? this.#question() : nothing}
      </article>
    `;
  }

  #known(model: KnownModel) {
    const { contextTokens, downloadBytes, licence, parameterCount, checked } =
      model;
    const download =
      downloadBytes === 0
        ? "About"
        : `About ${byteText(downloadBytes)} to download · about`;
    const memory = Number(memoryBytes(model).toPrecision(2));
    return html`
      <p>${model.goodFor}</p>
      <p class="facts">${download} ${byteText(memory)} of GPU memory</p>
      <p class="facts">
        ${countText(parameterCount)} parameters · ${wholeText(contextTokens)}
        tokens of context · ${licence}
      </p>
      <p class="facts">Checked: ${checked}</p>
    `;
  }

  #where() {
    const { kept } = this.entry;
    const isHere = kept !== undefined && kept.keptBytes >= kept.totalBytes;
    const words = whereText(this.entry);
    return html`<p class="where ${isHere ? "is-here" : ""}">
      ${words.charAt(0).toUpperCase()}${words.slice(1)}
    </p>`;
  }

  #used() {
    if (this.isLoading) return html`<span class="used">Loading</span>`;
    return html`<span class="used">${checkIcon}In use</span>`;
  }

  #useButton() {
    const { name } = this.entry;
    return html`<button
      class="use small"
      type="button"
      aria-label="Use ${name}"
      @click=${() => this.#act("use")}
    >
      Use
    </button>`;
  }

  #others(source: string) {
    const { kept, name } = this.entry;
    const isOnHub = hubName(source) !== undefined;
    if (!isOnHub && kept === undefined) return nothing;
    return html`<div class="row">
      ${
        isOnHub
          ? html`<button
              class="details plain small"
              type="button"
              aria-label="Details of ${name}"
              @click=${() => this.#act("details")}
            >
              Details
            </button>`
          : nothing
      }
      ${
        kept === undefined
          ? nothing
          : html`<button
              class="delete plain square small"
              type="button"
              aria-label="Delete ${name} from this device"
              title="Delete from this device"
              @click=${this.#ask}
            >
              ${trashIcon}
            </button>`
      }
    </div>`;
  }

  #question() {
    const { isInUse, name, source = "" } = this.entry;
    const again =
      deviceName(source) === undefined
        ? "has to be downloaded again"
        : "needs its file again";
    return html`<rondo-delete-question
      what="${name} from this device"
      meaning=${
        isInUse
          ? `It works until the page is closed, then ${again}.`
          : `It ${again} before it can be used.`
      }
      @rondo-answer=${this.#answer}
    ></rondo-delete-question>`;
  }

  async #ask() {
    this.isAsking = true;
    await this.updateComplete;
    const question = this.renderRoot.querySelector<DeleteQuestion>(
      "rondo-delete-question",
    );
    await question?.updateComplete;
    question?.focus();
  }

  #answer({ answer }: AnswerEvent) {
    this.isAsking = false;
    this.renderRoot.querySelector<HTMLElement>(".delete")?.focus();
    const { source } = this.entry;
    if (answer === "keep" || source === undefined) return;
    this.dispatchEvent(new RequestEvent({ type: "delete-model", id: source }));
  }

  #act(action: CardEvent["action"]) {
    const { source } = this.entry;
    if (source !== undefined) this.dispatchEvent(new CardEvent(action, source));
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-card": CardEvent;
  }

  interface HTMLElementTagNameMap {
    "rondo-model-card": ModelCard;
  }
}
