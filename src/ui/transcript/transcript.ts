import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { attentionLabels, attentionOf, type Attention } from "./attention";
import type { AttentionEvent } from "./attention-event";
import { FollowScroll } from "./follow-scroll";
import { downIcon } from "../base/icons";
import { isKept, isRunning, type Round } from "../state/chats/round";
import { nameOfId } from "../state/models/known-models";
import type { RoundElement, RoundPart } from "./round-element";
import { GAP_PX, RoundHeights } from "./round-heights";
import {
  isAmple,
  rangeAround,
  type RoundRange,
  type RoundRun,
  runsOf,
} from "./round-window";
import { base } from "../base/theme";

/** The last rounds, drawn at once; others when they come near the screen. */
const RECENT_ROUNDS = 12;
/** Whether the browser itself keeps what is seen where it is, while things above it change. */
const KEEPS_PLACE = CSS.supports("overflow-anchor", "auto");
/** The most rounds that stay elements while text is selected. */
const MOST_SELECTED = 1000;

/**
 * `<rondo-transcript>`: the rounds of a chat, oldest first. It scrolls, and follows the reply as long
 * as the reader is at the end.
 *
 * A chat may have ten thousand rounds. Those near the reader are elements (round-window.ts), with the one that has the
 * focus; the others are rooms. To be printed, all are elements; to be searched by the browser, rooms have the text of
 * their rounds from Ctrl or Cmd and F on.
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
        max-width: var(--_measure);
        min-height: 100%;
        margin: 0 auto;
        padding: 1.5rem 1rem 0;
      }

      /* At the end it is this page that keeps the place. */
      .log.is-following {
        overflow-anchor: none;
      }

      .place {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 2rem;
        margin-block-end: 2rem;
      }

      .room {
        overflow: clip;
      }

      .room p {
        margin: 0;
        overflow: clip;
        white-space: pre-wrap;
        content-visibility: auto;
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
  /** Places of the first and the last saved round. */
  #kept: RoundRange = { from: 0, to: 0 };
  /** Rounds that another model answered than the rounds before: its name, by id. */
  #newModels: ReadonlyMap<number, string> = new Map();
  @query(".log") private log!: HTMLElement | null;
  #follow = new FollowScroll(this, () => this.log);
  /** The rounds that are elements. */
  @state() private range: RoundRange = { from: 0, to: 0 };
  @state() private isPrinted = false;
  /** Whether the browser searches the page. */
  @state() private isSearched = false;
  readonly #heights = new RoundHeights();
  /** Of rounds that are elements, by id: how high they were expected to be when they became some. */
  readonly #expected = new Map<number, number>();
  /** What is drawn, in order. */
  #runs: readonly RoundRun[] = [];
  /** What the reader is to see first, and how far from the top. */
  #anchor: { roundId: number; top: number } | undefined;
  /** Going to a round takes a few frames, unless the reader moves meanwhile. */
  #going = new AbortController();
  readonly #sizes = new ResizeObserver((entries) => this.#measure(entries));
  #observed: ReadonlySet<Element> = new Set();

  /** Passive: the page scrolls without waiting for it. */
  readonly #readerMoves = {
    handleEvent: () => this.#stopGoing(),
    passive: true,
  };

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.requestUpdate();
    addEventListener("beforeprint", this.#onPrint);
    addEventListener("afterprint", this.#onPrint);
    addEventListener("keydown", this.#onFind);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("beforeprint", this.#onPrint);
    removeEventListener("afterprint", this.#onPrint);
    removeEventListener("keydown", this.#onFind);
    this.#sizes.disconnect();
    this.#observed = new Set();
  }

  #onPrint = ({ type }: Event) => {
    this.isPrinted = type === "beforeprint";
  };

  #onFind = ({ key, ctrlKey, metaKey }: KeyboardEvent) => {
    if (key.toLowerCase() === "f" && (ctrlKey || metaKey))
      this.isSearched = true;
  };

  /** Moves the focus to the scrolling box. */
  override focus(options?: FocusOptions): void {
    this.log?.focus(options);
  }

  /** Moves the focus to a part of a round. */
  async focusRound(roundId: number, part: RoundPart): Promise<void> {
    const element = await this.#bring(roundId);
    await element?.updateComplete;
    await element?.focusPart(part);
  }

  /** The element of a round, which is made one where it is none. */
  async #bring(roundId: number): Promise<RoundElement | undefined> {
    await this.updateComplete;
    const { length } = this.rounds;
    const at = this.rounds.findIndex(({ id }) => id === roundId);
    if (at >= 0 && this.#elementOf(roundId) === undefined) {
      this.#heights.correct();
      this.range = rangeAround(at, length);
      await this.updateComplete;
      await this.#drawn();
    }
    return this.#elementOf(roundId);
  }

  /** Resolves when all rounds that are elements have drawn themselves, before they are painted. */
  async #drawn(): Promise<void> {
    const rounds = this.renderRoot.querySelectorAll("rondo-round");
    await Promise.all([...rounds].map((round) => round.updateComplete));
  }

  #elementOf(roundId: number): RoundElement | undefined {
    const elements = this.renderRoot.querySelectorAll("rondo-round");
    return [...elements].find(({ round }) => round.id === roundId);
  }

  override render() {
    const isEmpty = this.rounds.length === 0;
    return html`
      <div
        class="log ${this.#follow.isFollowing ? "is-following" : ""}"
        part="log"
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabindex="0"
        @scroll=${this.#onScroll}
        @wheel=${this.#readerMoves}
        @touchstart=${this.#readerMoves}
        @keydown=${this.#readerMoves}
        @pointerdown=${this.#readerMoves}
      >
        <div
          class="column ${isEmpty ? "is-empty" : ""}"
          role=${isEmpty ? nothing : "list"}
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
    this.#takeRounds(changed);
    const { length } = this.rounds;
    const whole = { from: 0, to: length };
    if (this.isPrinted) this.#runs = runsOf(whole, length);
    else this.#runs = runsOf(this.range, length, this.#focusedPlaces());
    if (this.#follow.isFollowing) this.#anchor = undefined;
    else if (!KEEPS_PLACE) this.#anchor ??= this.#seen();
  }

  #takeRounds(changed: PropertyValues<this>): void {
    if (!changed.has("rounds")) return;
    const { rounds } = this;
    const before = changed.get("rounds") ?? [];
    if (!isSameChat(before, rounds)) {
      const first = rounds.findIndex(isKept);
      this.#kept = { from: first, to: rounds.findLastIndex(isKept) + 1 };
      this.#attendedLabels = attentionLabels(rounds);
      this.#newModels = newModels(rounds);
    }
    if (changed.has("conversationId")) {
      this.#heights.clear();
      this.isSearched = false;
    }
    if (changed.has("conversationId") || isContinued(before, rounds))
      this.#follow.follow();
    const running = rounds.findIndex(isRunning);
    // A reply between others is read where it is.
    if (running >= 0 && running < rounds.length - 1) this.#follow.hold();
    this.#moveRange(before);
  }

  /** Who is at the end sees the last rounds; others what they saw, wherever that is now. */
  #moveRange(before: readonly Round[]): void {
    const { range, rounds } = this;
    const { length } = rounds;
    const isAtEnd = this.#follow.isFollowing;
    if (isSameIds(before, rounds) && (!isAtEnd || range.to === length)) return;
    const { from, to } = range;
    const centre = before[(from + to) >> 1]?.id;
    const at = isAtEnd
      ? length - 1
      : rounds.findIndex(({ id }) => id === centre);
    this.range = rangeAround(at < 0 ? from : at, length);
  }

  #focusedPlaces(): number[] {
    const active = this.shadowRoot?.activeElement;
    const focused = active?.closest("rondo-round")?.round.id;
    if (focused === undefined) return [];
    return [this.rounds.findIndex(({ id }) => id === focused)];
  }

  /** What the reader sees first, to be kept where it is. */
  #seen(): { roundId: number; top: number } | undefined {
    const { log } = this;
    const place = this.#firstSeen();
    const round = place?.querySelector("rondo-round")?.round;
    if (log === null || place === undefined || !round) return undefined;
    const { top } = place.getBoundingClientRect();
    const above = top - log.getBoundingClientRect().top;
    return above < log.clientHeight
      ? { roundId: round.id, top: above }
      : undefined;
  }

  /** The first round that reaches into the box or is below it. */
  #firstSeen(): Element | undefined {
    const { log } = this;
    const places = this.renderRoot.querySelectorAll(".place");
    if (log === null) return undefined;
    const { top } = log.getBoundingClientRect();
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle]!.getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return places[low];
  }

  /** Rooms have their heights before anything asks where the box is scrolled to. */
  protected override update(changed: PropertyValues<this>): void {
    super.update(changed);
    const rooms = this.#runs.filter(({ isShown }) => !isShown);
    const elements = this.renderRoot.querySelectorAll<HTMLElement>(".room");
    for (const [i, element] of elements.entries()) {
      const { from, to } = rooms[i]!;
      const height = this.#heights.sum(this.rounds, from, to);
      element.style.height = `${height}px`;
      this.#fill(element, rooms[i]!);
    }
  }

  protected override updated(): void {
    const places = new Set(this.renderRoot.querySelectorAll(".place"));
    for (const place of this.#observed)
      if (!places.has(place)) this.#sizes.unobserve(place);
    for (const place of places)
      if (!this.#observed.has(place)) this.#sizes.observe(place);
    this.#observed = places;
    const elements = this.renderRoot.querySelectorAll("rondo-round");
    const ids = new Set([...elements].map(({ round }) => round.id));
    for (const id of this.#expected.keys())
      if (!ids.has(id)) this.#expected.delete(id);
    if (this.#anchor) void this.#keepPlace(this.#anchor);
    this.#anchor = undefined;
  }

  /** Puts the text of its rounds into a room, for the browser to find; takes it out where nobody searches. */
  #fill(room: HTMLElement, { from, to }: RoundRange): void {
    const key = this.isSearched ? `${this.conversationId} ${from} ${to}` : "";
    if ((room.dataset.text ?? "") === key) return;
    room.dataset.text = key;
    const texts = this.isSearched ? this.rounds.slice(from, to) : [];
    room.replaceChildren(
      ...texts.map((round) => {
        const text = document.createElement("p");
        text.style.height = `${this.#heights.of(round) + GAP_PX}px`;
        text.textContent = `${round.document ?? round.message}\n${round.reply}`;
        return text;
      }),
    );
  }

  /** Scrolls so that what the reader is to see first is where it should be. */
  async #keepPlace(anchor: { roundId: number; top: number }): Promise<void> {
    await this.#drawn();
    const { log } = this;
    const place = this.#elementOf(anchor.roundId)?.closest(".place");
    if (log === null || !place) return;
    const { top } = place.getBoundingClientRect();
    const moved = top - log.getBoundingClientRect().top - anchor.top;
    if (Math.abs(moved) < 0.5) return;
    log.scrollTop += moved;
    this.#follow.shifted();
  }

  #measure(entries: readonly ResizeObserverEntry[]): void {
    const { log } = this;
    const column = log?.firstElementChild;
    if (column) this.#heights.setWidth(column.clientWidth);
    for (const { target } of entries) {
      const round = target.querySelector("rondo-round")?.round;
      if (round === undefined) continue;
      const { height } = target.getBoundingClientRect();
      // Where it is as high as was expected, it may not have been laid out.
      if (height > 0 && Math.abs(height - this.#heights.of(round)) >= 1)
        this.#heights.measure(round, height);
    }
  }

  #onScroll = () => {
    this.#follow.scrolled();
    const { range, rounds } = this;
    const { length } = rounds;
    if (range.to - range.from >= length) return;
    const inRoom = this.#roomSeen();
    const at = inRoom?.at ?? this.#placeSeen();
    if (at < 0 || (!inRoom && isAmple(range, at, length))) return;
    if (inRoom) this.#anchor = { roundId: rounds[at]!.id, top: -inRoom.intoPx };
    const next = rangeAround(at, length);
    const from = Math.min(range.from, next.from);
    const to = Math.max(range.to, next.to);
    // What is being selected must not go.
    const isSelecting = getSelection()?.type === "Range";
    const isKept = isSelecting && !inRoom && to - from <= MOST_SELECTED;
    this.#heights.correct();
    this.range = isKept ? { from, to } : next;
  };

  /** The place of the round that the reader sees first; -1 for none. */
  #placeSeen(): number {
    const id = this.#seen()?.roundId;
    return this.rounds.findIndex((round) => round.id === id);
  }

  /** Which round is at the top of the box, where a room is there, and how much of it is above. */
  #roomSeen(): { at: number; intoPx: number } | undefined {
    const { log, rounds } = this;
    if (log === null) return undefined;
    const { top } = log.getBoundingClientRect();
    const rooms = this.#runs.filter(({ isShown }) => !isShown);
    const boxes = [...this.renderRoot.querySelectorAll(".room")].map((room) =>
      room.getBoundingClientRect(),
    );
    const i = boxes.findIndex(
      (box) => box.top <= top + GAP_PX && box.bottom > top,
    );
    const [box, room] = [boxes[i], rooms[i]];
    if (box === undefined || room === undefined) return undefined;
    // What is expected may have been corrected since the room was made.
    const expected = this.#heights.sum(rounds, room.from, room.to);
    const px = (Math.max(0, top - box.top) * expected) / box.height;
    return this.#heights.at(rounds, room.from, room.to, px);
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
    this.#stopGoing();
    const { signal } = (this.#going = new AbortController());
    if (action === "go") await (await this.#bring(roundId))?.goTo(signal);
    else if (this.openId !== undefined)
      await (await this.#bring(this.openId))?.goToAttention();
  }

  #stopGoing() {
    this.#going.abort();
  }

  #rounds() {
    const parts = this.#runs.flatMap(({ isShown, from, to }) =>
      isShown
        ? Array.from({ length: to - from }, (_, i) => ({ at: from + i, to: 0 }))
        : [{ at: from, to }],
    );
    const { rounds } = this;
    return repeat(
      parts,
      // A room is named by what follows it.
      ({ at, to }) => (to === 0 ? rounds[at]!.id : `room ${rounds[to]?.id}`),
      ({ at, to }) =>
        to === 0
          ? this.#place(rounds[at]!, at)
          : html`<div class="room" aria-hidden="true"></div>`,
    );
  }

  #place(round: Round, at: number) {
    return html`<div
      class="place"
      role="listitem"
      aria-setsize=${this.rounds.length}
      aria-posinset=${at + 1}
    >
      ${this.#newModel(round)} ${this.#round(round, at)}
    </div>`;
  }

  /** The same as long as it is an element. */
  #expectedPx(round: Round): number {
    const px = this.#expected.get(round.id) ?? this.#heights.of(round);
    this.#expected.set(round.id, px);
    return px;
  }

  #round(round: Round, at: number) {
    const isOpen = round.id === this.openId;
    const { from, to } = this.#kept;
    const hasLater = isKept(round) && at < to - 1;
    return html`<rondo-round
      exportparts="message, document, reply, receipt, text"
      .round=${round}
      .isRecent=${at >= this.rounds.length - RECENT_ROUNDS}
      .isPrinted=${this.isPrinted}
      .expectedPx=${this.#expectedPx(round)}
      .attendedLabel=${this.#attendedLabels.get(round.id) ?? ""}
      .attention=${isOpen ? this.#attention : undefined}
      .mark=${this.#marks.get(round.id) ?? ""}
      .waitingFor=${this.waitingFor}
      .mayWrite=${this.mayWrite}
      .isBusy=${this.isBusy}
      .hasLater=${hasLater}
      .mayMoveUp=${isKept(round) && at > from}
      .mayMoveDown=${hasLater}
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

  #onToEnd() {
    this.#stopGoing();
    this.#follow.toEnd();
  }

  #toEnd() {
    return html`
      <button
        class="to-end square"
        type="button"
        aria-label="Scroll to the end"
        @click=${this.#onToEnd}
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

/** Whether they are the same rounds of the same models, whatever became of their replies. */
function isSameChat(before: readonly Round[], now: readonly Round[]): boolean {
  return (
    before.length === now.length &&
    now.every(
      (round, i) =>
        round === before[i] ||
        (round.id === before[i]!.id &&
          round.keptId === before[i]!.keptId &&
          round.attended === before[i]!.attended &&
          round.receipt === before[i]!.receipt &&
          round.modelName === before[i]!.modelName),
    )
  );
}

function isSameIds(before: readonly Round[], now: readonly Round[]): boolean {
  return (
    before.length === now.length &&
    now.every(({ id }, i) => id === before[i]!.id)
  );
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
