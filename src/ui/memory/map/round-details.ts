import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import type { RoundMemory } from "../../../engine/api/memory-snapshot";
import type {
  AnswerEvent,
  DeleteQuestion,
} from "../../dialogs/delete-question";
import { closeIcon } from "../../base/icons";
import { base } from "../../base/theme";
import { tokensText } from "../base/figures";
import { MemoryRequestEvent, type MemoryRequest } from "../base/memory-request";
import { section } from "../base/memory-styles";
import type { VerificationState } from "../sections/verification";
import {
  attentionSentence,
  halfText,
  roundContents,
  roundName,
  SIGN_MEANINGS,
  signsOf,
} from "./round-words";
import { verifySection } from "../sections/verify-section";

/** `<rondo-round-details>`: details of one round, and actions on it. */
export class RoundDetails extends LitElement {
  static override styles = [
    base,
    section,
    css`
      .card {
        position: relative;
        padding: 0.75rem 0.875rem 0.875rem;
        border: 1px solid var(--_line);
        border-radius: 0.625rem;
        background: var(--_raised);
      }

      .close {
        position: absolute;
        inset-block-start: 0.375rem;
        inset-inline-end: 0.375rem;
      }

      h3 {
        padding-inline-end: 2.25rem;
      }

      blockquote {
        margin: 0 0 0.625rem;
        padding-inline-start: 0.75rem;
        border-inline-start: 2px solid var(--_line);
        color: var(--_muted);
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) round!: RoundMemory;
  @property({ attribute: false }) chatId = "";
  @property({ attribute: false }) isShown = true;
  /** Whether rounds follow it. */
  @property({ attribute: false }) hasLater = false;
  /** Whether a task of the chat is running. */
  @property({ attribute: false }) isBusy = false;
  @property({ attribute: false }) verification: VerificationState = {};
  @state() private isAsking = false;
  @query("h3") private heading!: HTMLElement;
  @query(".delete") private deleteButton!: HTMLElement | null;
  @query("rondo-delete-question") private question!: DeleteQuestion | null;

  /** Focuses the heading, so that reading starts there. */
  override focus(options?: FocusOptions): void {
    this.heading.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("round");
    if (before !== undefined && before.id !== this.round.id)
      this.isAsking = false;
  }

  override render() {
    const { round } = this;
    const { lower, text, tokens, upper } = round;
    return html`
      <section class="card" aria-labelledby="name" @keydown=${this.#onKeydown}>
        <h3 id="name" tabindex="-1">${roundName(round)}</h3>
        <button
          class="close plain square small"
          type="button"
          aria-label="Close the details"
          @click=${this.#close}
        >
          ${closeIcon}
        </button>
        ${text === undefined ? nothing : html`<blockquote dir="auto">${text}</blockquote>`}
        <dl>
          <dt>Tokens</dt>
          <dd>${tokensText(tokens)}</dd>
          <dt>Lower half</dt>
          <dd>${halfText(lower, tokens)}</dd>
          <dt>Upper half</dt>
          <dd>${halfText(upper, tokens)}</dd>
          <dt>State</dt>
          <dd>${this.#state()}</dd>
          <dt>Attention</dt>
          <dd>${attentionSentence(round)}</dd>
        </dl>
        ${this.isAsking ? this.#question() : this.#actions()}
        ${this.#mayVerify ? verifySection(this.verification, this.chatId, round.id) : nothing}
      </section>
    `;
  }

  #state() {
    const signs = signsOf(this.round);
    const lines = signs.map((sign) => `${sign}: ${SIGN_MEANINGS[sign]}`);
    if (!signs.some((sign) => sign === "stale" || sign === "approximate"))
      lines.unshift("exact: the same as after a full prefill");
    if (!this.isShown) lines.push("on a branch that is not shown");
    return lines.map((line) => html`<div>${line}</div>`);
  }

  #actions() {
    const { id, isPinned, kind, lower, upper } = this.round;
    const isResident = lower.residentTokens + upper.residentTokens > 0;
    const isSystem = kind === "system";
    return html`
      <div class="actions">
        ${
          isSystem
            ? nothing
            : this.#button(
                isPinned ? "Unpin" : "Pin",
                { type: "pin", roundId: id, isPinned: !isPinned },
                false,
              )
        }
        ${this.#button("Evict", { type: "evict", roundId: id }, !isResident)}
        ${
          this.#mayVerify && this.verification.progress === undefined
            ? this.#button("Verify", { type: "verify", roundId: id }, false)
            : nothing
        }
        ${
          isSystem
            ? nothing
            : html`<button
                class="delete small"
                type="button"
                @click=${() => void this.#ask()}
              >
                ${kind === "document" ? "Detach…" : "Delete…"}
              </button>`
        }
      </div>
    `;
  }

  #button(label: string, request: MemoryRequest, isOff: boolean) {
    const isDisabled = isOff || this.isBusy;
    return html`<button
      class="small"
      type="button"
      aria-disabled=${isDisabled ? "true" : nothing}
      @click=${() => {
        if (!isDisabled) this.dispatchEvent(new MemoryRequestEvent(request));
      }}
    >
      ${label}
    </button>`;
  }

  #question() {
    const { round } = this;
    return html`
      <rondo-delete-question
        class="actions"
        verb=${round.kind === "document" ? "Detach" : "Delete"}
        what=${roundContents(round)}
        meaning="Deletes its text and its KV."
        .hasLater=${this.hasLater}
        .isBusy=${this.isBusy}
        @rondo-answer=${this.#answer}
      ></rondo-delete-question>
    `;
  }

  async #ask(): Promise<void> {
    this.isAsking = true;
    await this.updateComplete;
    await this.question?.updateComplete;
    this.question?.focus();
  }

  #answer = async ({ answer }: AnswerEvent) => {
    this.isAsking = false;
    const roundId = this.round.id;
    if (answer !== "keep")
      this.#request({ type: "delete", roundId, isFast: answer === "fast" });
    await this.updateComplete;
    this.deleteButton?.focus();
  };

  get #mayVerify(): boolean {
    return this.round.kind === "round";
  }

  #close = () => this.#request({ type: "show-round", roundId: undefined });

  #onKeydown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    this.#close();
  };

  #request(request: MemoryRequest): void {
    this.dispatchEvent(new MemoryRequestEvent(request));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-round-details": RoundDetails;
  }
}
