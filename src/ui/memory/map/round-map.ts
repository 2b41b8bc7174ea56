import { html, LitElement, nothing, svg, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type {
  ChatMemory,
  HalfMemory,
  RoundMemory,
} from "../../../engine/api/memory-snapshot";
import { byteText, wholeText } from "../../base/sizes";
import { base } from "../../base/theme";
import { layTree, type TreeRow } from "./branch-tree";
import { shareText } from "../base/figures";
import { MemoryRequestEvent } from "../base/memory-request";
import { bars, section } from "../base/memory-styles";
import { mapLegend } from "./round-map-legend";
import { roundMapStyles } from "./round-map-styles";
import { halfDrawing, signDrawing } from "./round-signs";
import {
  attentionText,
  halfText,
  PLACE_WORDS,
  placeOf,
  roundBytes,
  roundName,
  signsOf,
} from "./round-words";

/** Columns for keyboard navigation; the bytes are shown only where there is room. */
const COLUMNS = [
  ["round", "Round"],
  ["lower", "Lower"],
  ["upper", "Upper"],
  ["state", "State"],
  ["attention", "Attention"],
  ["tokens", "Tokens"],
];

/** Of the tree, in pixels. */
const LANE_PX = 12;
const MAX_LANES = 6;

/**
 * `<rondo-round-map>`: one row for each round of a chat, on all branches: where its halves are, the quality of its
 * KV, and how the last turn attended to it. Arrow keys go from cell to cell, Enter opens a round.
 */
export class RoundMap extends LitElement {
  static override styles = [base, section, bars, roundMapStyles];

  @property({ attribute: false }) chat: ChatMemory | undefined;
  /** The round whose details are open. */
  @property({ attribute: false }) openId: number | undefined;
  /** The cell in the tab order: a round and a column. */
  @state() private activeId: number | undefined;
  @state() private column = 0;
  @query(".scroll") private scroller!: HTMLElement | null;
  /** Whether its end was in sight. */
  #isAtEnd = true;

  /** Focuses a cell of the round, or else the last focused cell. */
  override focus(options?: FocusOptions): void {
    this.#activeCell?.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("chat")) return;
    const before = changed.get("chat");
    if (before?.chatId !== this.chat?.chatId) {
      this.activeId = undefined;
      this.#isAtEnd = true;
    } else if (this.scroller) this.#isAtEnd = isAtEnd(this.scroller);
  }

  /** New rounds are at the end: stays at the end if it was there. */
  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("chat") && this.#isAtEnd && this.scroller)
      this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  override render() {
    const { chat } = this;
    if (chat === undefined || chat.rounds.length === 0)
      return html`
        <h3>Rounds</h3>
        <p class="note">
          ${
            chat === undefined
              ? "No chat is open yet."
              : "This chat has no messages yet."
          }
        </p>
      `;
    const rows = layTree(chat.rounds, chat.shownIds);
    const active = rows.find(({ round }) => round.id === this.activeId);
    const activeId = active?.round.id ?? rows.at(-1)?.round.id;
    const lanes = Math.min(
      Math.max(...rows.map(({ lane }) => lane)),
      MAX_LANES,
    );
    return html`
      <h3>Rounds</h3>
      ${chat.title === undefined ? nothing : html`<p dir="auto">${chat.title}</p>`}
      <div class="scroll lanes-${lanes}">
        <div
          class="grid"
          role="grid"
          aria-label="Rounds of the chat"
          @keydown=${this.#onKeydown}
          @click=${this.#onClick}
          @focusin=${this.#onFocus}
        >
          <div class="row head" role="row">
            ${[...COLUMNS, ["gpu-bytes", "GPU · stored"]].map(
              ([kind, name]) =>
                html`<span class="cell ${kind}" role="columnheader"
                  >${name}</span
                >`,
            )}
          </div>
          ${repeat(
            rows,
            ({ round }) => round.id,
            (row) => this.#row(row, lanes, row.round.id === activeId),
          )}
        </div>
      </div>
      ${mapLegend()}
    `;
  }

  #row(row: TreeRow, lanes: number, isActive: boolean) {
    const { round, isShown } = row;
    const classes = [
      "row",
      isShown ? "" : "is-aside",
      round.attended === undefined ? "" : "is-attended",
      round.id === this.openId ? "is-open" : "",
    ];
    const tabindex = (column: number) =>
      isActive && column === this.column ? "0" : "-1";
    const { gpuBytes, storedBytes } = roundBytes(round);
    return html`
      <div
        class=${classes.join(" ")}
        role="row"
        aria-selected=${round.id === this.openId}
        data-round=${round.id}
      >
        <span class="cell round" role="rowheader" tabindex=${tabindex(0)}>
          ${treeDrawing(row, lanes)}<span class="id"
            >${shortName(round, isShown)}</span
          >
        </span>
        ${this.#half("lower", round.lower, round, tabindex(1))}
        ${this.#half("upper", round.upper, round, tabindex(2))}
        <span class="cell state" role="gridcell" tabindex=${tabindex(3)}
          >${signsOf(round).map(signDrawing)}</span
        >
        ${attentionCell(round, tabindex(4))}
        <span class="cell tokens" role="gridcell" tabindex=${tabindex(5)}
          >${wholeText(round.tokens)}</span
        >
        <span class="cell gpu-bytes" role="gridcell"
          >${byteText(gpuBytes)} · ${byteText(storedBytes)}</span
        >
        ${
          round.text === undefined
            ? nothing
            : html`<span class="cell text" role="gridcell" dir="auto"
                >${round.text}</span
              >`
        }
      </div>
    `;
  }

  #half(
    name: string,
    half: HalfMemory,
    { tokens }: RoundMemory,
    tabindex: string,
  ) {
    return html`<span
      class="cell ${name}"
      role="gridcell"
      tabindex=${tabindex}
      title="${name} half: ${halfText(half, tokens)}"
      >${halfDrawing(half, tokens)}<span class="visually-hidden"
        >${PLACE_WORDS[placeOf(half)]}</span
      ></span
    >`;
  }

  get #activeCell(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.cell[tabindex="0"]');
  }

  get #rows(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("[data-round]")];
  }

  #onKeydown = (event: KeyboardEvent) => {
    const row = rowOf(event);
    if (row === undefined) return;
    if (event.key === "Enter" || event.key === " ") {
      this.#open(row);
      event.preventDefault();
      return;
    }
    const rows = this.#rows;
    const at = rows.indexOf(row);
    const end = COLUMNS.length - 1;
    const jump = event.ctrlKey || event.metaKey;
    const targets: Record<string, [row: number, column: number]> = {
      ArrowDown: [at + 1, this.column],
      ArrowUp: [at - 1, this.column],
      ArrowRight: [at, this.column + 1],
      ArrowLeft: [at, this.column - 1],
      PageDown: [at + 10, this.column],
      PageUp: [at - 10, this.column],
      Home: [jump ? 0 : at, 0],
      End: [jump ? rows.length - 1 : at, end],
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = rows[clamp(target[0], rows.length - 1)];
    void this.#goTo(Number(next?.dataset.round), clamp(target[1], end));
  };

  async #goTo(roundId: number, column: number): Promise<void> {
    this.activeId = roundId;
    this.column = column;
    await this.updateComplete;
    this.#activeCell?.focus();
  }

  /** Tab returns to the cell that was focused last. */
  #onFocus = (event: FocusEvent) => {
    const row = rowOf(event);
    const cell = event.target as HTMLElement;
    if (row === undefined) return;
    this.activeId = Number(row.dataset.round);
    this.column = clamp([...row.children].indexOf(cell), COLUMNS.length - 1);
  };

  #onClick = (event: MouseEvent) => {
    const row = rowOf(event);
    if (row) this.#open(row);
  };

  #open(row: HTMLElement): void {
    const roundId = Number(row.dataset.round);
    this.activeId = roundId;
    this.dispatchEvent(new MemoryRequestEvent({ type: "show-round", roundId }));
  }
}

function shortName({ id, kind }: RoundMemory, isShown: boolean) {
  const more = isShown ? "" : ", on another branch";
  const words = { system: "Sys", document: `Doc ${id}`, round: `${id}` }[kind];
  return html`<span aria-hidden="true">${words}</span
    ><span class="visually-hidden">${roundName({ id, kind })}${more}</span>`;
}

function attentionCell(round: RoundMemory, tabindex: string) {
  const { attended, mass } = round;
  return html`<span class="cell attention" role="gridcell" tabindex=${tabindex}>
    <svg class="mass" width="100%" height="100%" aria-hidden="true">
      <rect
        width=${shareText(mass ?? 0) === "<1 %" ? "1px" : `${(mass ?? 0) * 100}%`}
        height="100%"
        rx="2"
      />
    </svg>
    <span class=${attended === undefined ? "" : "reason"}
      >${attentionText(round)}</span
    >
    ${attended === undefined ? html`<span class="visually-hidden">not attended to</span>` : nothing}
  </span>`;
}

/** Lines in percent of the row's height, which depends on its content. */
function treeDrawing(row: TreeRow, lanes: number) {
  const { hasChildren, hasParent, isFork, isShown, isTrunkShown } = row;
  const lane = Math.min(row.lane, MAX_LANES);
  const x = (lane: number) => 6 + Math.min(lane, MAX_LANES) * LANE_PX;
  const line = (
    isOfTrunk: boolean,
    x1: number,
    y1: number,
    x2: number,
    y2: number,
  ) =>
    svg`<line class=${isOfTrunk ? "" : "is-aside"} x1=${x1} y1="${y1}%" x2=${x2} y2="${y2}%" />`;
  const passing = Array.from({ length: lane }, (_, i) =>
    line(i === 0 && isTrunkShown, x(i), 0, x(i), 100),
  );
  const width = x(lanes) + 6;
  return html`<svg class="tree" width=${width} height="100%" aria-hidden="true">
    ${passing}
    ${isFork ? line(false, x(lane - 1), 50, x(lane), 50) : hasParent ? line(isShown, x(lane), 0, x(lane), 50) : nothing}
    ${hasChildren ? line(lane === 0 && isTrunkShown, x(lane), 50, x(lane), 100) : nothing}
    <circle
      class=${isShown ? "" : "is-aside"}
      cx=${x(lane)}
      cy="50%"
      r=${isShown ? 4 : 3}
    />
  </svg>`;
}

function rowOf(event: Event): HTMLElement | undefined {
  const { target } = event;
  const row =
    target instanceof Element && target.closest<HTMLElement>("[data-round]");
  return row || undefined;
}

const clamp = (value: number, max: number) =>
  Math.min(Math.max(value, 0), Math.max(max, 0));

const isAtEnd = ({ clientHeight, scrollHeight, scrollTop }: HTMLElement) =>
  scrollHeight - scrollTop - clientHeight < 4;

declare global {
  interface HTMLElementTagNameMap {
    "rondo-round-map": RoundMap;
  }
}
