import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { Attention } from "./attention";
import { AttentionEvent } from "./attention-event";
import type { AnswerEvent } from "../dialogs/delete-question";
import { renameIcon } from "../base/icons";
import type { ChooseEvent } from "../base/menu";
import { RequestEvent, type ChatRequest } from "../state/request";
import { plainName } from "../base/plain-name";
import type { ReplyElement } from "./reply-element";
import { isKept, isRunning, type Round } from "../state/chats/round";
import { toolNote, toolNoteStyles } from "./tool-note";
import { answerOf } from "../../model/text/thinking-range";
import { base } from "../base/theme";

/** The focusable parts of a round. */
export type RoundPart = "edit" | "editor" | "options";

const PARTS: Record<RoundPart, string> = {
  edit: ".edit",
  editor: "rondo-message-editor",
  options: "rondo-reply, rondo-document",
};

/** Cards of documents, the editor of a message, and the attended rounds. Where they do not load, the chat can be read. */
const lateParts = () => import("./define-round-parts").catch(() => undefined);

/** How long a round is highlighted after navigation. */
const FOUND_MS = 2000;

/** Within so many frames, what is near is drawn. */
const DRAWING_FRAMES = 6;

/** Whether the browser fires `contentvisibilityautostatechange`; without it, all rounds are drawn at once. */
const KNOWS_NEAR =
  CSS.supports("content-visibility", "auto") &&
  "oncontentvisibilityautostatechange" in HTMLElement.prototype;

/**
 * `<rondo-round>`: the user's message or document, and the reply. Editing and the question before deleting happen in
 * place.
 *
 * A chat may have thousands. Far from the screen, a round is just its plain text, for find-in-page and screen
 * readers; it is drawn in full when it comes near.
 *
 * @csspart message - the user's message
 */
export class RoundElement extends LitElement {
  static override styles = [
    base,
    toolNoteStyles,
    css`
      /* It is laid out and painted while it is near; room for what stands out at its edges is its own. */
      :host {
        display: block;
        margin: -0.5rem -0.75rem;
        padding: 0.5rem 0.75rem;
        scroll-margin-top: 1rem;
        content-visibility: auto;
        contain-intrinsic-size: auto none auto 16rem;
      }

      @media print {
        :host {
          content-visibility: visible;
        }

        .message {
          border-color: var(--_line);
        }
      }

      /* What can be done with a round is out of sight until somebody is there. */
      @media (hover: hover) {
        :host(:not(:hover, :focus-within)) {
          --_quiet: 0;
        }
      }

      .said {
        display: flex;
        align-items: flex-end;
        justify-content: flex-end;
        gap: 0.25rem;
      }

      .message {
        min-width: 0;
        max-width: min(85%, 36rem);
        padding: 0.625rem 1rem;
        border: 1px solid transparent;
        border-radius: 1.125rem 1.125rem 0.3rem;
        background: color-mix(in srgb, var(--_text) 4%, var(--_panel));
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: plaintext;
        text-align: start;
        outline: 3px solid transparent;
        transition: outline-color 300ms;
      }

      .message:focus-visible {
        outline-width: 2px;
        outline-color: var(--_accent);
      }

      rondo-document {
        border-radius: 1.125rem;
        outline: 3px solid transparent;
        transition: outline-color 300ms;
      }

      .is-found {
        outline-color: var(--_accent);
      }

      .mark {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: end;
        gap: 0.25rem 0.5rem;
        margin-top: 0.25rem;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
      }

      .mark span {
        padding: 0.125rem 0.625rem;
        border: 1px solid var(--_accent);
        border-radius: 1rem;
        color: var(--_accent);
      }

      .mark button {
        min-height: 1.75rem;
        padding-inline: 0.5rem;
        font-size: inherit;
      }

      @media (pointer: coarse) {
        .mark button {
          min-height: 2.75rem;
        }
      }

      article.plain {
        margin-top: 1.25rem;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: plaintext;
        text-align: start;
      }

      .edit {
        flex: none;
        margin-bottom: 0.3125rem;
      }

      rondo-reply {
        margin-top: 1.25rem;
      }

      rondo-delete-question {
        margin-top: 0.75rem;
      }

      .unanswered {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: end;
        gap: 0.5rem;
        margin-top: 0.5rem;
      }

      .unanswered rondo-round-actions {
        margin-inline-start: 0;
      }

      .unanswered p {
        width: 100%;
        margin: 0;
        color: var(--_muted);
        text-align: end;
        font-size: 0.875rem;
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** What a waiting round waits for, in words. */
  @property() waitingFor = "the model to load";
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it can't be changed now. */
  @property({ attribute: false }) isBusy = false;
  /** Whether there are later rounds. */
  @property({ attribute: false }) hasLater = false;
  @property({ attribute: false }) mayMoveUp = false;
  @property({ attribute: false }) mayMoveDown = false;
  /** Whether it is among the last ones, which are drawn at once. */
  @property({ attribute: false }) isRecent = false;
  /** Whether all of the chat is drawn, to be printed. */
  @property({ attribute: false }) isPrinted = false;
  /** How high it probably is, until it is laid out; in pixels. */
  @property({ attribute: false }) expectedPx = 0;
  /** How many rounds the reply attended to, for replies without a receipt. */
  @property() attendedLabel = "";
  /** The attended rounds, while they are shown. */
  @property({ attribute: false }) attention: Attention | undefined;
  /** Label: that the opened reply attended to this round, and why. */
  @property() mark = "";
  /** Whether the reader has just navigated here. */
  @state() private isFound = false;
  /** Whether it has been near the screen. */
  @state() private isNear = !KNOWS_NEAR;
  #foundTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the question before deleting is shown. */
  @state() private isAsking = false;
  @query("rondo-delete-question") private question!: HTMLElement | null;

  /** Focuses a part, if it exists. */
  async focusPart(part: RoundPart): Promise<void> {
    await lateParts();
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(PARTS[part])?.focus();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void lateParts();
    this.addEventListener("contentvisibilityautostatechange", this.#onNear);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("contentvisibilityautostatechange", this.#onNear);
    clearTimeout(this.#foundTimer);
    this.isFound = false;
  }

  /** Scrolls it into view, focuses it, and highlights it for a while. `signal`: something else scrolls now. */
  async goTo(signal: AbortSignal): Promise<void> {
    this.#draw();
    this.isFound = true;
    clearTimeout(this.#foundTimer);
    this.#foundTimer = setTimeout(() => (this.isFound = false), FOUND_MS);
    await this.updateComplete;
    this.scrollIntoView({ block: "start" });
    const target = this.renderRoot.querySelector<HTMLElement>(
      ".message, rondo-document",
    );
    target?.focus({ preventScroll: true });
    // Those above it are drawn now that they are near, a few frames later, and are of other heights then.
    for (let frame = 0; frame < DRAWING_FRAMES; frame++) {
      await new Promise(requestAnimationFrame);
      if (signal.aborted) return;
      this.scrollIntoView({ block: "start" });
    }
  }

  /** Scrolls the button that shows the attended rounds into view, and focuses it. */
  async goToAttention(): Promise<void> {
    this.#draw();
    (await this.#drawnReply())?.focusAttention();
  }

  /** Brings the rounds that the reply attended to on the screen, as far as they are not there. */
  async showAttention(): Promise<void> {
    (await this.#drawnReply())?.showAttention();
  }

  async #drawnReply(): Promise<ReplyElement | null> {
    await this.updateComplete;
    const reply = this.renderRoot.querySelector<ReplyElement>("rondo-reply");
    await reply?.updateComplete;
    return reply;
  }

  #draw = () => void (this.isNear = true);

  #onNear = (event: Event) => {
    if (!(event as ContentVisibilityAutoStateChangeEvent).skipped) this.#draw();
  };

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("round");
    const isAnother = before && before.keptId !== this.round.keptId;
    if (isAnother || !this.mayWrite) this.isAsking = false;
    const { edit, error } = this.round;
    if (this.isRecent || this.isPrinted || isRunning(this.round)) this.#draw();
    if (edit || error) this.#draw();
    if (changed.has("expectedPx") && this.expectedPx > 0)
      this.style.containIntrinsicBlockSize = `auto ${this.expectedPx}px`;
  }

  override render() {
    const { document, phase } = this.round;
    if (!this.isNear) return this.#plain();
    return html`
      ${document === undefined ? this.#message() : this.#document()}
      ${this.mark === "" ? nothing : this.#mark()}
      ${phase === "unanswered" ? this.#unanswered() : nothing}
      ${phase === "unanswered" || document !== undefined ? nothing : this.#reply()}
      ${this.isAsking ? this.#question() : nothing}
    `;
  }

  #message() {
    const { edit, id, message, results } = this.round;
    if (results) return this.#results(results);
    // A chat can begin with the model's message.
    if (message === "") return nothing;
    const { hasLater, isBusy, mayWrite, round } = this;
    if (edit !== undefined && mayWrite)
      return html`<rondo-message-editor
        .roundId=${id}
        .edit=${edit}
        .hasLater=${hasLater}
        .isBusy=${isBusy}
      ></rondo-message-editor>`;
    return html`
      <div class="said">
        ${mayWrite && isKept(round) ? this.#editButton() : nothing}
        ${this.#words(message)}
      </div>
    `;
  }

  /** What tools gave, and perhaps a message behind that. */
  #results(results: NonNullable<Round["results"]>) {
    const { message } = this.round;
    return html`
      ${results.map(({ name, content }) => toolNote(`${name} gave`, content))}
      ${
        message === ""
          ? nothing
          : html`<div class="said">${this.#words(message)}</div>`
      }
    `;
  }

  #words(message: string) {
    return html`<article
      class="message ${this.isFound ? "is-found" : ""}"
      part="message"
      dir="auto"
      aria-label="You"
      tabindex=${this.mark === "" ? nothing : -1}
      .textContent=${message}
    ></article>`;
  }

  /** The round as plain text. */
  #plain() {
    const { document, message, reply } = this.round;
    if (document !== undefined)
      return html`<article
        class="plain"
        dir="auto"
        aria-label="Document"
        .textContent=${plainName(document)}
      ></article>`;
    return html`
      <div class="said">${this.#words(message)}</div>
      <article
        class="plain"
        dir="auto"
        aria-label="Rondo"
        .textContent=${answerOf(reply)}
      ></article>
    `;
  }

  #mark() {
    const back = () =>
      this.dispatchEvent(new AttentionEvent("back", this.round.id));
    return html`
      <div class="mark">
        <span>${this.mark}</span>
        <button class="plain" type="button" @click=${back}>
          Back to the reply
        </button>
      </div>
    `;
  }

  #editButton() {
    const edit = () => {
      if (!this.isBusy) this.#ask("open-editor");
    };
    return html`
      <button
        class="edit plain square small quiet"
        type="button"
        aria-label="Edit message"
        title="Edit"
        aria-disabled=${this.isBusy ? "true" : nothing}
        @click=${edit}
      >
        ${renameIcon}
      </button>
    `;
  }

  #document() {
    const { isBusy, mayMoveDown, mayMoveUp, mayWrite, round } = this;
    return html`<rondo-document
      class=${this.isFound ? "is-found" : ""}
      exportparts="document"
      .round=${round}
      .mayWrite=${mayWrite}
      .isBusy=${isBusy}
      .mayMoveUp=${mayMoveUp}
      .mayMoveDown=${mayMoveDown}
      @rondo-choose=${this.#choose}
    ></rondo-document>`;
  }

  #reply() {
    const { isBusy, mayMoveDown, mayMoveUp, mayWrite, round } = this;
    return html`<rondo-reply
      exportparts="reply, receipt, text"
      .round=${round}
      .waitingFor=${this.waitingFor}
      .attendedLabel=${this.attendedLabel}
      .attention=${this.attention}
      .mayWrite=${mayWrite}
      .isBusy=${isBusy}
      .mayMoveUp=${mayMoveUp}
      .mayMoveDown=${mayMoveDown}
      @rondo-choose=${this.#choose}
    ></rondo-reply>`;
  }

  #question() {
    const isDocument = this.round.document !== undefined;
    return html`<rondo-delete-question
      verb=${isDocument ? "Detach" : "Delete"}
      what=${isDocument ? "this document" : "this message and its reply"}
      .hasLater=${this.hasLater}
      .isBusy=${this.isBusy}
      @rondo-answer=${this.#answer}
    ></rondo-delete-question>`;
  }

  #unanswered() {
    const { isBusy, mayWrite, round } = this;
    const buttons = html`
      ${this.#button("Answer", "retry")} ${this.#button("Edit", "put-back")}
      <rondo-round-actions
        .round=${round}
        .mayWrite=${mayWrite}
        .isBusy=${isBusy}
      ></rondo-round-actions>
    `;
    return html`
      <div class="unanswered">
        <p>Not answered.</p>
        ${mayWrite ? buttons : nothing}
      </div>
    `;
  }

  async #choose({ name }: ChooseEvent) {
    if (name !== "delete") return;
    this.isAsking = true;
    await this.updateComplete;
    this.question?.focus();
    this.question?.scrollIntoView({ block: "nearest" });
  }

  async #answer({ answer }: AnswerEvent) {
    const { id: roundId } = this.round;
    if (answer === "keep") {
      this.isAsking = false;
      await this.focusPart("options");
      return;
    }
    const isFast = answer === "fast";
    const request = { type: "delete-round", roundId, isFast } as const;
    this.dispatchEvent(new RequestEvent(request));
  }

  #button(label: string, type: "retry" | "put-back") {
    const ask = () => this.#ask(type);
    return html`<button type="button" @click=${ask}>${label}</button>`;
  }

  #ask(type: "open-editor" | "retry" | "put-back") {
    const request: ChatRequest = { type, roundId: this.round.id };
    this.dispatchEvent(new RequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-round": RoundElement;
  }
}
