/**
 * How high rounds are: as they were measured, else as their text lets expect. What was measured corrects what is
 * expected, so that the scrollbar tells about how long a chat is.
 */
import type { Round } from "../state/chats/round";

/** Width of a character of the text, on average; its lines; what is around a message and a reply. In CSS pixels. */
const CHARACTER_PX = 7.6;
const LINE_PX = 25.6;
const AROUND_PX = 105;
const EMPTY_LINE = 0.5;
/** Between two rounds. */
export const GAP_PX = 32;
/** Share of the column that a message may take. */
const MESSAGE_SHARE = 0.85;

export class RoundHeights {
  readonly #measured = new Map<number, number>();
  #widthPx = 0;
  #measuredPx = 0;
  #expectedPx = 0;
  #correction = 1;

  /** Call it when the column has another width: rounds are then of other heights. */
  setWidth(widthPx: number): void {
    if (Math.abs(widthPx - this.#widthPx) < 1) return;
    this.#widthPx = widthPx;
    this.clear();
  }

  clear(): void {
    this.#measured.clear();
    this.#measuredPx = 0;
    this.#expectedPx = 0;
    this.#correction = 1;
  }

  /** Lets what was measured since correct what is expected of other rounds. Heights change by that. */
  correct(): void {
    if (this.#expectedPx > 0)
      this.#correction = this.#measuredPx / this.#expectedPx;
  }

  /** Notes how high a round is that has been laid out. */
  measure(round: Round, heightPx: number): void {
    if (!this.#measured.has(round.id)) {
      this.#expectedPx += this.#expected(round);
      this.#measuredPx += heightPx;
    } else this.#measuredPx += heightPx - this.#measured.get(round.id)!;
    this.#measured.set(round.id, heightPx);
  }

  /** Without the gap. */
  of(round: Round): number {
    return (
      this.#measured.get(round.id) ?? this.#correction * this.#expected(round)
    );
  }

  /** Of rounds in a row, with a gap behind each. */
  sum(rounds: readonly Round[], from: number, to: number): number {
    let sum = 0;
    for (let at = from; at < to; at++) sum += this.of(rounds[at]!) + GAP_PX;
    return sum;
  }

  /** Which of them is so far from the top of the first, and how much of it is above that. */
  at(
    rounds: readonly Round[],
    from: number,
    to: number,
    px: number,
  ): { at: number; intoPx: number } {
    let left = px;
    for (let at = from; at < to - 1; at++) {
      const height = this.of(rounds[at]!) + GAP_PX;
      if (left < height) return { at, intoPx: left };
      left -= height;
    }
    return { at: to - 1, intoPx: Math.max(0, left) };
  }

  #expected({ document, message, reply }: Round): number {
    const characters = Math.max(20, (this.#widthPx || 640) / CHARACTER_PX);
    if (document !== undefined) return AROUND_PX;
    const lines =
      linesOf(message, MESSAGE_SHARE * characters) + linesOf(reply, characters);
    return AROUND_PX + LINE_PX * lines;
  }
}

/** Lines of a text, at so many characters a line; an empty one is a gap between paragraphs. */
function linesOf(text: string, characters: number): number {
  let lines = 0;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const to = end < 0 ? text.length : end;
    lines += Math.max(EMPTY_LINE, Math.ceil((to - from) / characters));
    from = to + 1;
  }
  return lines;
}
