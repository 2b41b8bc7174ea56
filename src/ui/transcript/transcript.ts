import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { attentionLabels, attentionOf, type Attention } from "./attention";
import type { AttentionEvent } from "./attention-event";
import { FollowScroll } from "./follow-scroll";
import { downIcon } from "../base/icons";
import { isRunning, type Round } from "../state/chats/round";
import { nameOfId } from "../state/models/known-models";
import type { RoundElement, RoundPart } from "./round-element";
import { placesOf, type RoundPlace } from "../state/chats/round-place";
import { base } from "../base/theme";

/** The last rounds, drawn at once; others when they come near the screen. */
const RECENT_ROUNDS = 12;

/**
 * `<rondo-transcript>`: the rounds of a chat, oldest first. It scrolls, and follows the reply as long
 * as the reader is at the end.
 *
 * It is a log that is not live: screen readers would announce a reply token by token. `<rondo-chat>` announces each
 * reply once, when it has ended.
 *
 * @slot - shown while there are no rounds
 * @csspart log - the scrolling box
 */
export class Transcript extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        position: relative;
        display: block;
        min-height: 0;
      }

      .log {
        height: 100%;
        overflow-y: auto;
        overscroll-behavior: contain;
        scrollbar-gutter: stable both-edges;
        scrollbar-color: var(--_line) transparent;
      }

      .log:focus-visible {
        outline-offset: -3px;
      }

      @media (max-width: 45rem) {
        .log {
          scrollbar-gutter: auto;
          scrollbar-width: thin;
        }
      }

      .column {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        align-content: start;
        gap: 2rem;
        max-width: var(--_measure);
        min-height: 100%;
        margin: 0 auto;
        padding: 1.5rem 1rem 2rem;
      }

      .column.is-empty {
        align-content: center;
      }

      .new-model {
        display: flex;
        align-items: center;
        gap: 0.75rem;
        margin: 0;
        color: var(--_muted);
        font-size: 0.8125rem;
      }

      .new-model::before,
      .new-model::after {
        flex: 1;
        height: 1px;
        background: var(--_line);
        content: "";
      }

      .to-end {
        position: absolute;
        inset-block-end: 0.75rem;
        inset-inline-start: 50%;
        translate: -50%;
        border-radius: 50%;
        box-shadow: 0 2px 10px rgb(0 0 0 / 14%);
      }

      .to-end:dir(rtl) {
        translate: 50%;
      }

      @media print {
        .log {
          height: auto;
          overflow: visible;
          scrollbar-gutter: auto;
        }

        .column {
          max-width: none;
          min-height: 0;
          padding: 0;
        }
      }
    `,
  ];

  @property({ attribute: false }) rounds: readonly Round[] = [];
  /** The chat's id: another chat is shown from its end. */
  @property({ attribute: false }) conversationId = 0;
  @property() waitingFor = "";
  /** Whether this tab may change the chat. */
  @property({ attribute: false }) mayWrite = false;
  /** Whether it can't be changed now. */
  @property({ attribute: false }) isBusy = false;
  /** The round whose attended rounds are shown. */
  @state() private openId: number | undefined;
  #attention: Attention | undefined;
  #marks: ReadonlyMap<number, string> = new Map();
  #attendedLabels: ReadonlyMap<number, string> = new Map();
  #places: ReadonlyMap<number, RoundPlace> = new Map();
  /** Rounds that another model answered than the rounds before: its name, by id. */
  #newModels: ReadonlyMap<number, string> = new Map();
  @query(".log") private log!: HTMLElement | null;
  #follow = new FollowScroll(this, () => this.log);

  /** Moves the focus to the scrolling box. */
  override focus(options?: FocusOptions): void {
    this.log?.focus(options);
  }

  /** Moves the focus to a part of a round. */
  async focusRound(roundId: number, part: RoundPart): Promise<void> {
    await this.updateComplete;
    const element = this.#elementOf(roundId);
    await element?.updateComplete;
    await element?.focusPart(part);
  }

  #elementOf(roundId: number): RoundElement | undefined {
    const elements = this.renderRoot.querySelectorAll("rondo-round");
    return [...elements].find(({ round }) => round.id === roundId);
  }

  override render() {
    const isEmpty = this.rounds.length === 0;
    return html`
      <div
        class="log"
        part="log"
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabindex="0"
        @scroll=${() => this.#follow.scrolled()}
      >
        <div
          class="column ${isEmpty ? "is-empty" : ""}"
          @click=${this.#onClick}
          @rondo-attention=${this.#onAttention}
        >
          ${isEmpty ? html`<slot></slot>` : this.#rounds()}
        </div>
      </div>
      ${isEmpty || this.#follow.isFollowing ? nothing : this.#toEnd()}
    `;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this.#follow.isActive = this.rounds.length > 0;
    this.#takeAttention();
    const before = changed.get("rounds");
    if (before === undefined) return;
    this.#places = placesOf(this.rounds);
    this.#attendedLabels = attentionLabels(this.rounds);
    this.#newModels = newModels(this.rounds);
    if (changed.has("conversationId") || isContinued(before, this.rounds))
      this.#follow.follow();
    const running = this.rounds.findIndex(isRunning);
    // A reply between others is read where it is.
    if (running >= 0 && running < this.rounds.length - 1) this.#follow.hold();
  }

  /** A click may expand something. While a reply is running, it is followed all the same. */
  #onClick() {
    if (!this.rounds.some(isRunning)) this.#follow.hold();
  }

  #takeAttention() {
    const { openId, rounds } = this;
    this.#attention =
      openId === undefined ? undefined : attentionOf(rounds, openId);
    if (this.#attention === undefined) this.openId = undefined;
    const marks = this.#attention?.marks ?? [];
    const textOf = (why: string) => ["Attended to", why].filter(Boolean);
    this.#marks = new Map(
      marks.map(({ roundId, why }) => [roundId, textOf(why).join(": ")]),
    );
  }

  async #onAttention(event: AttentionEvent) {
    event.stopPropagation();
    const { roundId, action } = event;
    if (action === "toggle") {
      const isOpen = this.openId === roundId;
      this.openId = isOpen ? undefined : roundId;
      await this.updateComplete;
      if (!isOpen) await this.#elementOf(roundId)?.showAttention();
      return;
    }
    this.#follow.leave();
    await this.updateComplete;
    if (action === "go") await this.#elementOf(roundId)?.goTo();
    else if (this.openId !== undefined)
      await this.#elementOf(this.openId)?.goToAttention();
  }

  #rounds() {
    return repeat(
      this.rounds,
      (round) => round.id,
      (round, at) => [this.#newModel(round), this.#round(round, at)],
    );
  }

  #round(round: Round, at: number) {
    const place = this.#places.get(round.id);
    const isOpen = round.id === this.openId;
    return html`<rondo-round
      exportparts="message, document, reply, receipt, text"
      .round=${round}
      .isRecent=${at >= this.rounds.length - RECENT_ROUNDS}
      .attendedLabel=${this.#attendedLabels.get(round.id) ?? ""}
      .attention=${isOpen ? this.#attention : undefined}
      .mark=${this.#marks.get(round.id) ?? ""}
      .waitingFor=${this.waitingFor}
      .mayWrite=${this.mayWrite}
      .isBusy=${this.isBusy}
      .hasLater=${place?.before !== undefined}
      .mayMoveUp=${place?.up !== undefined}
      .mayMoveDown=${place?.down !== undefined}
    ></rondo-round>`;
  }

  /** Says that another model replies from here on. */
  #newModel({ id }: Round) {
    const name = this.#newModels.get(id);
    if (name === undefined) return nothing;
    return html`<p class="new-model">
      <span>From here on: <bdi>${nameOfId(name)}</bdi></span>
    </p>`;
  }

  #toEnd() {
    return html`
      <button
        class="to-end square"
        type="button"
        aria-label="Scroll to the end"
        @click=${() => this.#follow.toEnd()}
      >
        ${downIcon}
      </button>
    `;
  }
}

/** The names of models that differ from those before, by the id of the first round of each. */
function newModels(rounds: readonly Round[]): Map<number, string> {
  const names = new Map<number, string>();
  let before: string | undefined;
  for (const { id, modelName } of rounds) {
    if (modelName === undefined) continue;
    if (before !== undefined && modelName !== before) names.set(id, modelName);
    before = modelName;
  }
  return names;
}

/** Whether the end is new: rounds were added, or the last message is being answered. */
function isContinued(before: readonly Round[], now: readonly Round[]): boolean {
  const isLonger =
    now.length > before.length &&
    before.every(({ id }, i) => id === now[i]?.id);
  const last = now.at(-1);
  const isAsked = last !== undefined && isRunning(last);
  return isLonger || (isAsked && !before.some(isRunning));
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-transcript": Transcript;
  }
}
