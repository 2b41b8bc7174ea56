import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { describeError } from "./describe-error";
import { alertIcon } from "./icons";
import { receiptLine } from "./receipt";
import { RequestEvent, type ChatRequest } from "./request";
import { isRunning, type Round } from "./round";
import { base } from "./theme";

/**
 * `<rondo-round>`: what the user said, and under it the reply with its receipt, or what became of it.
 *
 * @csspart message - the user's message
 * @csspart reply - the reply
 * @csspart receipt - the line under the reply
 */
export class RoundElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      article {
        min-width: 0;
      }

      .message {
        width: fit-content;
        max-width: min(85%, 36rem);
        margin-inline-start: auto;
        padding: 0.625rem 1rem;
        border: 1px solid transparent;
        border-radius: 1.125rem 1.125rem 0.3rem;
        background: color-mix(in srgb, var(--_text) 4%, var(--_panel));
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }

      .reply {
        margin-top: 1.25rem;
      }

      .status {
        margin: 0;
        color: var(--_muted);
        font-variant-numeric: tabular-nums;
      }

      footer {
        display: flex;
        align-items: flex-start;
        justify-content: space-between;
        gap: 0 0.75rem;
        margin: 0.375rem -0.5rem 0 0;
        min-height: 1.75rem;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
      }

      footer [part] {
        padding-top: 0.25rem;
        line-height: 1.25rem;
      }

      .failure {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.25rem 0.75rem;
        margin-top: 0.75rem;
        padding: 0.875rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 0.75rem;
      }

      .failure .icon {
        margin-top: 0.2rem;
        color: var(--_alert);
      }

      .failure > * {
        grid-column: 2;
      }

      .failure > .icon {
        grid-column: 1;
      }

      .failure p {
        margin: 0;
      }

      .detail {
        color: var(--_muted);
        font-size: 0.875rem;
        overflow-wrap: anywhere;
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.5rem;
      }

      .unsent .actions {
        justify-content: end;
      }

      .unsent .status {
        margin-top: 0.5rem;
        text-align: end;
        font-size: 0.875rem;
      }
    `,
  ];

  @property({ attribute: false }) round!: Round;
  /** What a waiting round waits for. */
  @property() waitingFor = "the model to load";

  override render() {
    const { message, phase } = this.round;
    return html`
      <article
        class="message"
        part="message"
        aria-label="You"
        .textContent=${message}
      ></article>
      ${phase === "unsent" ? this.#unsent() : this.#reply()}
    `;
  }

  #reply() {
    const { round } = this;
    return html`
      <article
        class="reply"
        part="reply"
        aria-label="Rondo"
        aria-busy=${isRunning(round)}
      >
        ${
          round.reply === ""
            ? nothing
            : html`<rondo-markdown
                exportparts="text"
                .text=${round.reply}
                .writing=${round.phase === "writing" && !round.isStopping}
              ></rondo-markdown>`
        }
        ${this.#status()} ${this.#receipt()} ${this.#failure()}
      </article>
    `;
  }

  #status() {
    const text = statusText(this.round, this.waitingFor);
    return text === "" ? nothing : html`<p class="status">${text}</p>`;
  }

  #receipt() {
    const { phase, reply } = this.round;
    if (phase !== "done") return nothing;
    return html`
      <footer>
        <span part="receipt">${endingText(this.round)}</span>
        ${
          reply === ""
            ? nothing
            : html`<rondo-copy-button
                what="reply"
                .text=${reply}
              ></rondo-copy-button>`
        }
      </footer>
    `;
  }

  #failure() {
    const { error, phase } = this.round;
    if (phase !== "failed" || error === undefined) return nothing;
    const { title, advice, detail, isKnown } = describeError(error);
    const isFull = error.name === "ContextFullError";
    return html`
      <div class="failure" role="alert">
        ${alertIcon}
        <p><strong>${title}.</strong> ${advice}</p>
        ${detail === "" ? nothing : html`<p class="detail">${detail}</p>`}
        <div class="actions">
          ${
            isFull
              ? this.#button("Continue in a new chat", "move")
              : this.#button("Try again", "retry")
          }
          ${this.#button("Edit", "edit")}
          ${isKnown ? nothing : this.#loadButton()}
        </div>
      </div>
    `;
  }

  #unsent() {
    return html`
      <div class="unsent">
        <p class="status">Not sent.</p>
        <div class="actions">
          ${this.#button("Try again", "retry")} ${this.#button("Edit", "edit")}
        </div>
      </div>
    `;
  }

  /** For what nobody foresaw: a fresh model mends most of it. */
  #loadButton() {
    const ask = () => this.dispatchEvent(new RequestEvent({ type: "load" }));
    return html`<button type="button" @click=${ask}>
      Load the model again
    </button>`;
  }

  #button(label: string, type: "retry" | "edit" | "move") {
    const ask = () => {
      const request: ChatRequest = { type, roundId: this.round.id };
      this.dispatchEvent(new RequestEvent(request));
    };
    return html`<button type="button" @click=${ask}>${label}</button>`;
  }
}

/** What the turn did, or how it ended where nobody knows more. */
function endingText({ receipt, ending }: Round): string {
  if (ending === "cut off") return "This reply was cut off.";
  return receipt ? receiptLine(receipt) : (ending ?? "");
}

/** What stands where the reply will be. */
function statusText(round: Round, waitingFor: string): string {
  if (!isRunning(round)) {
    const isSilent = round.phase === "done" && round.reply === "";
    return isSilent && round.ending !== "cut off" ? "No words came." : "";
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
    "rondo-round": RoundElement;
  }
}
