import {
  html,
  LitElement,
  nothing,
  type PropertyValues,
  type TemplateResult,
} from "lit";
import { property, query, state } from "lit/decorators.js";
import type { MemorySource } from "../../engine/api/kv-memory";
import type {
  MemorySnapshot,
  RoundMemory,
} from "../../engine/api/memory-snapshot";
import { alertIcon, closeIcon } from "../base/icons";
import { base, theme } from "../base/theme";
import { parentIds } from "./map/branch-tree";
import { memoryElementStyles } from "./memory-element-styles";
import { MemoryFeed } from "./memory-feed";
import {
  RoundDeletedEvent,
  type MemoryRequestEvent,
} from "./base/memory-request";
import { tones } from "./base/memory-styles";
import { failureText, MemoryTasks } from "./memory-tasks";
import { snapshotJson } from "./redact";
import type { RoundDetails } from "./map/round-details";
import type { RoundMap } from "./map/round-map";
import { lastTurn } from "./plots/turn-figures";
import { reportOn, Verification } from "./sections/verification";

/**
 * `<rondo-memory>`: the memory panel: where KV is, and what turns did with it. Give it a `source`; it polls that for
 * snapshots about once a second while visible. Closed, hidden, or in a background page it does nothing. It has one
 * column at 320 px, and up to three where there is room.
 *
 * @attr hidden - not visible, and does nothing
 * @prop source - the MemorySource to show: an engine, or a proxy of one
 * @prop chatId - the chat whose rounds are shown; undefined: that of the last turn
 * @fires rondo-round-deleted - RoundDeletedEvent: the user has deleted a round here
 * @slot tools - at the right of the heading: for example a close button
 * @csspart header - the heading bar
 * @csspart body - everything below the header
 * @cssprop [--rondo-accent=#0b6a5c] - the accent colour; this and all others as in `<rondo-chat>`
 */
export class MemoryElement extends LitElement {
  static override styles = [theme, base, tones, memoryElementStyles];

  @property({ attribute: false }) source: MemorySource | undefined;
  @property({ attribute: false }) chatId: string | undefined;
  @property({ type: Boolean, reflect: true }) override hidden = false;
  /** Whether the beginning of each round's text is shown. */
  @state() private withText = false;
  /** The round whose details are open. */
  @state() private openId: number | undefined;
  /** Announced by screen readers. */
  @state() private said = "";
  @query("h2") private heading!: HTMLElement;
  @query("rondo-round-map") private map!: RoundMap | null;
  @query("rondo-round-details") private details!: RoundDetails | null;
  readonly #feed = new MemoryFeed(this);
  readonly #tasks = new MemoryTasks(() => this.requestUpdate());
  readonly #verification = new Verification(() => this.requestUpdate());
  #shownChatId: string | undefined;

  /** Focuses the heading, so that reading starts there. */
  override focus(options?: FocusOptions): void {
    this.heading?.focus(options);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#verification.cancel();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("source")) {
      this.#verification.clear();
      this.#tasks.failure = undefined;
    }
    if (this.hidden) this.#verification.cancel();
    const { chatId, hidden, source, withText } = this;
    this.#feed.follow({ source, chatId, withText, isHidden: hidden });
    const shownChatId = this.#feed.snapshot?.chat?.chatId;
    if (shownChatId !== this.#shownChatId) this.openId = undefined;
    this.#shownChatId = shownChatId;
  }

  override render(): TemplateResult {
    return html`
      <div class="frame" @rondo-memory-request=${this.#onRequest}>
        <header part="header">
          <h2 tabindex="-1">Memory</h2>
          ${this.#feed.snapshot ? this.#tools(this.#feed.snapshot) : nothing}
          <slot name="tools"></slot>
        </header>
        <div class="body" part="body">
          ${this.#warnings()}
          ${this.#feed.snapshot ? this.#sections(this.#feed.snapshot) : this.#nothing()}
        </div>
        <div class="visually-hidden" role="status">${this.said}</div>
      </div>
    `;
  }

  #tools(snapshot: MemorySnapshot) {
    return html`
      <div class="tools">
        <label class="toggle">
          <input
            type="checkbox"
            .checked=${this.withText}
            @change=${(event: Event) => {
              this.withText = (event.target as HTMLInputElement).checked;
            }}
          />Show round texts
        </label>
        <rondo-copy-button
          what="the snapshot as JSON, without text"
          title="Copy as JSON, without text"
          .text=${() => snapshotJson(snapshot)}
        ></rondo-copy-button>
      </div>
    `;
  }

  #warnings() {
    const { error } = this.#feed;
    const { failure } = this.#tasks;
    return html`
      ${
        error === undefined
          ? nothing
          : html`<div class="warning">
              ${alertIcon}
              <p>${failureText("Memory could not be read.", error)}</p>
              <button class="small" type="button" @click=${this.#tryAgain}>
                Try again
              </button>
            </div>`
      }
      ${
        failure === undefined
          ? nothing
          : html`<div class="warning">
              ${alertIcon}
              <p>${failure}</p>
              <button
                class="plain square small"
                type="button"
                aria-label="Dismiss"
                @click=${() => this.#tasks.dismiss()}
              >
                ${closeIcon}
              </button>
            </div>`
      }
    `;
  }

  #nothing() {
    if (this.source === undefined)
      return html`<p class="nothing">There is no engine yet.</p>`;
    return this.#feed.error === undefined
      ? html`<p class="nothing waiting">Reading memory…</p>`
      : nothing;
  }

  /** Up to three columns where there is room, else one. */
  #sections(snapshot: MemorySnapshot) {
    const { chat, gpu, model, storage, turns } = snapshot;
    const verification = this.#verification.state;
    return html`
      <div class="columns">
        <div class="column now">
          <rondo-memory-use .gpu=${gpu}></rondo-memory-use>
          <rondo-memory-tiers .snapshot=${snapshot}></rondo-memory-tiers>
          <rondo-last-turn
            .turn=${lastTurn(snapshot)}
            .verification=${verification}
          ></rondo-last-turn>
        </div>
        <div class="column rounds">
          <rondo-round-map
            .chat=${chat}
            .openId=${this.openId}
          ></rondo-round-map>
          ${this.#details(snapshot)}
          <rondo-heat-map
            .report=${reportOn(verification, chat?.chatId)}
            .watershed=${model?.watershed ?? 0}
          ></rondo-heat-map>
          <rondo-memory-timeline .turns=${turns}></rondo-memory-timeline>
        </div>
        <div class="column rest">
          <rondo-memory-storage
            .storage=${storage}
            .hasChat=${chat !== undefined}
            .isBusy=${this.#tasks.isBusy}
          ></rondo-memory-storage>
          <rondo-buffer-table
            .buffers=${gpu?.buffers ?? []}
          ></rondo-buffer-table>
          <rondo-memory-device
            .device=${gpu?.device}
            .model=${model}
          ></rondo-memory-device>
        </div>
      </div>
    `;
  }

  #details({ chat }: MemorySnapshot) {
    const round = this.#openRound;
    if (chat === undefined || round === undefined) return nothing;
    return html`
      <rondo-round-details
        .round=${round}
        .chatId=${chat.chatId}
        .isShown=${round.kind === "system" || chat.shownIds.includes(round.id)}
        .hasLater=${parentIds(chat.rounds).has(round.id)}
        .isBusy=${this.#tasks.isBusy}
        .verification=${this.#verification.state}
      ></rondo-round-details>
    `;
  }

  get #openRound(): RoundMemory | undefined {
    const { chat } = this.#feed.snapshot ?? {};
    return chat?.rounds.find(({ id }) => id === this.openId);
  }

  #onRequest({ request }: MemoryRequestEvent): void {
    const { source } = this;
    const chatId = this.#feed.snapshot?.chat?.chatId;
    this.said = "";
    if (request.type === "show-round") void this.#showRound(request.roundId);
    else if (request.type === "cancel-verify") this.#verification.cancel();
    else if (source === undefined) return;
    else if (request.type === "verify") {
      if (chatId !== undefined)
        void this.#verification
          .run(source, chatId, request.roundId)
          .then((outcome) => this.#say(outcome));
    } else
      void this.#tasks.run(request, source, chatId).then((outcome) => {
        this.#say(outcome);
        this.#feed.refresh();
        const isDone = this.#tasks.failure === undefined;
        if (request.type === "delete" && chatId !== undefined && isDone)
          this.dispatchEvent(new RoundDeletedEvent(chatId, request.roundId));
      });
  }

  async #showRound(roundId: number | undefined): Promise<void> {
    this.openId = roundId;
    await this.updateComplete;
    await this.details?.updateComplete;
    if (roundId === undefined) this.map?.focus();
    else this.details?.focus();
  }

  #tryAgain = () => {
    this.#feed.refresh();
    this.requestUpdate();
  };

  #say(outcome: string | undefined): void {
    this.said = outcome ?? "";
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory": MemoryElement;
  }
}
