import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import type { Attention } from "./attention";
import { AttentionEvent } from "./attention-event";
import { defineMarkdown } from "../markdown/define-markdown";
import { describeError } from "../base/describe-error";
import { ChooseEvent } from "../base/menu";
import { receiptParts, type ReceiptPart } from "./receipt";
import { RequestEvent, type ChatRequest } from "../state/request";
import { isKept, isRunning, type Round } from "../state/chats/round";
import { thinkingRange } from "../../model/text/thinking-range";
import { toolNote, toolNoteStyles } from "./tool-note";
import type { RoundActions } from "./round-actions";
import { base } from "../base/theme";

/**
 * `<rondo-reply>`: a reply so far, with its receipt and actions, or its error.
 *
 * @fires rondo-choose - ChooseEvent "delete": the round should be deleted
 * @csspart reply - the reply
 * @csspart receipt - the line under it
 */
export class ReplyElement extends LitElement {
  static override styles = [
    base,
    toolNoteStyles,
    css`
      :host {
        display: block;
      }

      article {
        min-width: 0;
      }

      .status {
        margin: 0;
        color: var(--_muted);
        font-variant-numeric: tabular-nums;
      }

      footer {
        display: flow-root;
        margin-top: 0.25rem;
        min-height: 2rem;
        padding-top: 0.375rem;
        color: var(--_muted);
        font-size: 0.8125rem;
        line-height: 1.25rem;
        font-variant-numeric: tabular-nums;
      }

      /* Beside the last line where there is room, else below it: in a flex row it would narrow all lines. */
      rondo-round-actions {
        float: right;
        float: inline-end;
        margin-block-start: -0.375rem;
        margin-inline-end: -0.375rem;
      }

      /* A number stays beside its unit. */
      .whole {
        white-space: nowrap;
      }

      .attended {
        display: inline-block;
        min-height: 0;
        padding: 0;
        border: 0;
        border-radius: 0.25rem;
        background: none;
        color: inherit;
        text-align: start;
        text-decoration: underline dotted;
        text-underline-offset: 0.2em;
      }

      .attended:hover,
      .attended[aria-expanded="true"] {
        color: var(--_text);
      }

      @media (pointer: coarse) {
        .attended {
          /* The finger's target reaches over the lines beside it, and does not move them. */
          min-height: 0;
          margin-block: -0.75rem;
          padding-block: 0.75rem;
        }
      }

      @media print {
        rondo-round-actions,
        rondo-attention {
          display: none;
        }
      }

      rondo-attention {
        margin: 0.25rem 0 0.5rem;
        scroll-margin-block: 1rem 4rem;
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** What a waiting round waits for, in words. */
  @property() waitingFor = "";
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it can't be changed now. */
  @property({ attribute: false }) isBusy = false;
  @property({ attribute: false }) mayMoveUp = false;
  @property({ attribute: false }) mayMoveDown = false;
  /** How many rounds it attended to, for replies without a receipt. */
  @property() attendedLabel = "";
  /** The attended rounds, while they are shown. */
  @property({ attribute: false }) attention: Attention | undefined;
  @query("rondo-round-actions") private actions!: RoundActions | null;

  override connectedCallback(): void {
    super.connectedCallback();
    void defineMarkdown();
  }

  override focus(options?: FocusOptions): void {
    this.actions?.focus(options);
  }

  /** Scrolls the attended rounds into view. */
  showAttention(): void {
    const strip = this.renderRoot.querySelector("rondo-attention");
    void strip?.updateComplete?.then(() =>
      strip.scrollIntoView({ block: "nearest" }),
    );
  }

  /** Focuses the button that shows the attended rounds. */
  focusAttention(): void {
    const button = this.renderRoot.querySelector<HTMLElement>(".attended");
    button?.focus({ preventScroll: true });
    button?.scrollIntoView({ block: "center" });
  }

  override render() {
    const { round } = this;
    return html`
      <article part="reply" aria-label="Rondo" aria-busy=${isRunning(round)}>
        ${this.#text()} ${this.#status()} ${this.#receipt()} ${this.#failure()}
      </article>
    `;
  }

  #text() {
    const { phase, isStopping, reply, thoughtMs } = this.round;
    const isWriting = phase === "writing" && !isStopping;
    const thinking = thinkingRange(reply);
    const answer = reply.slice(thinking?.answer ?? 0);
    const thoughts =
      thinking &&
      html`<rondo-thinking
        .text=${reply.slice(thinking.from, thinking.to).trim()}
        .isThinking=${isWriting && !thinking.isOver}
        .thoughtMs=${thoughtMs}
      ></rondo-thinking>`;
    return html`
      ${thoughts ?? nothing}
      ${
        answer === ""
          ? nothing
          : html`<rondo-markdown
              exportparts="text"
              .text=${answer}
              .writing=${isWriting}
            ></rondo-markdown>`
      }
      ${this.round.calls?.map((call) =>
        toolNote(
          `Called ${call.name}`,
          JSON.stringify(call.arguments, null, 2),
        ),
      )}
    `;
  }

  #status() {
    const text = statusText(this.round, this.waitingFor);
    return text === "" ? nothing : html`<p class="status">${text}</p>`;
  }

  #receipt() {
    const { isBusy, mayMoveDown, mayMoveUp, mayWrite, round } = this;
    const isOther = round.phase === "failed" && round.versions.length > 1;
    if (round.phase !== "done" && !isOther) return nothing;
    const parts = endingParts(round, this.attendedLabel);
    return html`
      <footer>
        <span part="receipt" ?hidden=${parts.length === 0}
          >${parts.map((part, i) => this.#part(part, i === 0))}</span
        >
        <rondo-round-actions
          .round=${round}
          .mayWrite=${mayWrite && isKept(round)}
          .isBusy=${isBusy}
          .mayMoveUp=${mayMoveUp}
          .mayMoveDown=${mayMoveDown}
          @rondo-choose=${this.#passOn}
        ></rondo-round-actions>
      </footer>
      ${
        this.attention === undefined
          ? nothing
          : html`<rondo-attention
              id="attention"
              .attention=${this.attention}
            ></rondo-attention>`
      }
    `;
  }

  #part({ text, isAttention }: ReceiptPart, isFirst: boolean) {
    const { attention, round } = this;
    const toggle = () =>
      this.dispatchEvent(new AttentionEvent("toggle", round.id));
    const shown = isAttention
      ? html`<button
          class="attended"
          type="button"
          aria-expanded=${attention !== undefined}
          aria-controls=${attention === undefined ? nothing : "attention"}
          @click=${toggle}
        >
          ${text}
        </button>`
      : html`<span class="whole">${text}</span>`;
    return isFirst ? shown : html` · ${shown}`;
  }

  #failure() {
    const { error } = this.round;
    if (error === undefined) return nothing;
    const { isKnown } = describeError(error);
    const isOfModel = error.name === "ModelOutputError";
    return html`
      <rondo-failure-note .error=${error}>
        ${this.round.phase === "done" ? this.#failedAgain() : this.#failed(error)}
        ${isKnown && !isOfModel ? nothing : this.#loadButton()}
      </rondo-failure-note>
    `;
  }

  #failed(error: Error) {
    const isFull = error.name === "ContextFullError";
    return html`
      ${
        isFull
          ? this.#button("Continue in a new chat", "move")
          : this.#button("Try again", "retry")
      }
      ${this.#button("Edit", "put-back")}
    `;
  }

  /** A failed regeneration: the previous reply is shown again. */
  #failedAgain() {
    return html`
      ${this.#button("Try again", "retry")}
      ${this.#button("Dismiss", "close-editor")}
    `;
  }

  /** For unknown errors and errors of the model: reloading fixes most of them. */
  #loadButton() {
    const ask = () => this.dispatchEvent(new RequestEvent({ type: "load" }));
    return html`<button type="button" @click=${ask}>
      Load the model again
    </button>`;
  }

  #button(label: string, type: "retry" | "put-back" | "move" | "close-editor") {
    const ask = () => {
      const request: ChatRequest = { type, roundId: this.round.id };
      this.dispatchEvent(new RequestEvent(request));
    };
    return html`<button type="button" @click=${ask}>${label}</button>`;
  }

  #passOn({ name }: ChooseEvent) {
    this.dispatchEvent(new ChooseEvent(name));
  }
}

/** The receipt, or without one how the reply ended and what it attended to. */
function endingParts(
  { receipt, ending }: Round,
  attendedLabel: string,
): ReceiptPart[] {
  const isCutOff = ending === "cut off";
  if (receipt && !isCutOff) return receiptParts(receipt);
  const text = isCutOff ? "This reply was cut off." : (ending ?? "");
  return [{ text }, { text: attendedLabel, isAttention: true }].filter(
    (part) => part.text !== "",
  );
}

/** Shown in place of the reply until it comes. */
function statusText(round: Round, waitingFor: string): string {
  if (!isRunning(round)) {
    const isSilent = round.phase === "done" && round.reply === "";
    return isSilent && round.ending !== "cut off" ? "The reply was empty." : "";
  }
  if (round.isStopping) return "Stopping…";
  if (round.phase === "waiting") return `Waiting for ${waitingFor}…`;
  if (round.phase === "writing") return "";
  if (round.prefill === undefined) return "Reading…";
  const { doneTokens, totalTokens } = round.prefill;
  return `Reading… ${doneTokens.toLocaleString("en")} of ${totalTokens.toLocaleString("en")} tokens`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-reply": ReplyElement;
  }
}
