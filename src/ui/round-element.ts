import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { AnswerEvent } from "./delete-question";
import { renameIcon } from "./icons";
import type { ChooseEvent } from "./menu";
import { RequestEvent, type ChatRequest } from "./request";
import { isKept, type Round } from "./round";
import { base } from "./theme";

/** What of a round can have the focus. */
export type RoundPart = "edit" | "editor" | "options";

const PARTS: Record<RoundPart, string> = {
  edit: ".edit",
  editor: "rondo-message-editor",
  options: "rondo-reply, rondo-document",
};

/**
 * `<rondo-round>`: what the user said, or attached, and under it the reply, or what became of it. Its message
 * is changed in place, and in place it asks once more before it is deleted.
 *
 * @csspart message - the user's message
 */
export class RoundElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
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

      .unsent {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: end;
        gap: 0.5rem;
        margin-top: 0.5rem;
      }

      .unsent p {
        width: 100%;
        margin: 0;
        color: var(--_muted);
        text-align: end;
        font-size: 0.875rem;
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** What a waiting round waits for. */
  @property() waitingFor = "the model to load";
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it cannot be changed for now. */
  @property({ attribute: false }) isBusy = false;
  /** Whether something was said later. */
  @property({ attribute: false }) hasLater = false;
  @property({ attribute: false }) mayMoveUp = false;
  @property({ attribute: false }) mayMoveDown = false;
  /** Whether it asks if it should be deleted. */
  @state() private isAsking = false;
  @query("rondo-delete-question") private question!: HTMLElement | null;

  /** Moves the focus to a part of it, if that is there. */
  focusPart(part: RoundPart): void {
    this.renderRoot.querySelector<HTMLElement>(PARTS[part])?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("round");
    const isAnother = before && before.keptId !== this.round.keptId;
    if (isAnother || !this.mayWrite) this.isAsking = false;
  }

  override render() {
    const { document, phase } = this.round;
    return html`
      ${document === undefined ? this.#message() : this.#document()}
      ${phase === "unsent" ? this.#unsent() : nothing}
      ${phase === "unsent" || document !== undefined ? nothing : this.#reply()}
      ${this.isAsking ? this.#question() : nothing}
    `;
  }

  #message() {
    const { edit, id, message } = this.round;
    // A chat can begin with what the model says.
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
        <article
          class="message"
          part="message"
          aria-label="You"
          .textContent=${message}
        ></article>
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

  #unsent() {
    return html`
      <div class="unsent">
        <p>Not sent.</p>
        ${this.#button("Try again", "retry")}
        ${this.#button("Edit", "put-back")}
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
      await this.updateComplete;
      this.focusPart("options");
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
