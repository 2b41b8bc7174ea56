import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { isComposing } from "../composer/composer";
import { base } from "../base/theme";

/** The question was answered. Does not bubble beyond the parent element. */
export class AnswerEvent extends Event {
  static readonly type = "rondo-answer";
  readonly answer: "forget" | "fast" | "keep";

  constructor(answer: AnswerEvent["answer"]) {
    super(AnswerEvent.type);
    this.answer = answer;
  }
}

/**
 * `<rondo-delete-question>`: asks for confirmation before a round or a model is deleted, and, where later rounds have
 * read the round, how.
 *
 * @fires rondo-answer - AnswerEvent: the question was answered
 */
export class DeleteQuestion extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      div {
        padding: 0.875rem 1rem 1rem;
        border: 1px solid var(--_line);
        border-radius: 0.75rem;
        background: var(--_raised);
      }

      p {
        margin: 0 0 0.625rem;
        font-weight: 600;
      }

      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        align-items: center;
        gap: 0.5rem 0.75rem;
        margin: 0;
      }

      dt,
      dd {
        margin: 0;
      }

      dt button {
        width: 100%;
      }

      .forget {
        border-color: var(--_alert);
        color: var(--_alert);
      }

      dd {
        color: var(--_muted);
        font-size: 0.875rem;
        line-height: 1.4;
        text-wrap: pretty;
      }

      @media (max-width: 34rem) {
        dl {
          grid-template-columns: 1fr;
          gap: 0.25rem;
        }

        dd + dt {
          margin-top: 0.375rem;
        }
      }
    `,
  ];

  /** "Delete", or "Detach". */
  @property() verb = "Delete";
  /** What is deleted: "this message and its reply". */
  @property() what = "";
  /** What deleting it means, where there are no later rounds. */
  @property() meaning = "It is removed completely.";
  /** Whether there are later rounds. */
  @property({ attribute: false }) hasLater = false;
  /** Whether it can't be done now. */
  @property({ attribute: false }) isBusy = false;

  /** Focuses the answer that changes nothing. */
  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>(".keep")?.focus(options);
  }

  override render() {
    const { hasLater, verb, what } = this;
    return html`
      <div role="group" aria-labelledby="question" @keydown=${this.#onKeydown}>
        <p id="question">${verb} ${what}?</p>
        <dl>
          ${
            hasLater
              ? [
                  this.#way(
                    "forget",
                    `${verb} and forget`,
                    "Later messages are recomputed without it.",
                  ),
                  this.#way(
                    "fast",
                    `${verb} quickly`,
                    "Later answers may still remember it.",
                  ),
                ]
              : this.#way("forget", verb, this.meaning)
          }
          ${this.#way("keep", "Keep", "")}
        </dl>
      </div>
    `;
  }

  #way(answer: AnswerEvent["answer"], label: string, meaning: string) {
    const isDisabled = this.isBusy && answer !== "keep";
    const choose = () => {
      if (!isDisabled) this.dispatchEvent(new AnswerEvent(answer));
    };
    return html`
      <dt>
        <button
          class="small ${answer}"
          type="button"
          aria-describedby=${meaning === "" ? nothing : `${answer}-meaning`}
          aria-disabled=${isDisabled ? "true" : nothing}
          @click=${choose}
        >
          ${label}
        </button>
      </dt>
      <dd id="${answer}-meaning">${meaning}</dd>
    `;
  }

  #onKeydown(event: KeyboardEvent) {
    if (event.key !== "Escape" || isComposing(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.dispatchEvent(new AnswerEvent("keep"));
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-answer": AnswerEvent;
  }

  interface HTMLElementTagNameMap {
    "rondo-delete-question": DeleteQuestion;
  }
}
