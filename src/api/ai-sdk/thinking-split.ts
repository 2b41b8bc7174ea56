/** Tells thinking from the answer while a reply comes. Marks are in neither. */
import {
  CLOSING,
  OPENING,
  thinkingRange,
} from "../../model/text/thinking-range";

interface Piece {
  type: "text" | "reasoning";
  text: string;
}

export class ThinkingSplit {
  #reply = "";
  /** Characters of the reply that were told, or are marks. */
  #told = 0;

  /** What the next text adds; what may be the beginning of a mark is held back. */
  push(text: string): Piece[] {
    this.#reply += text;
    return this.#pieces(false);
  }

  /** What was held back, once the reply has ended. */
  end(): Piece[] {
    return this.#pieces(true);
  }

  #pieces(isEnd: boolean): Piece[] {
    const reply = this.#reply;
    const range = thinkingRange(reply);
    const hasBegun = reply.trimStart().startsWith(OPENING);
    if (range === undefined || !hasBegun) {
      const mayBegin = OPENING.startsWith(reply.trimStart());
      return mayBegin && !isEnd
        ? []
        : this.#tell("text", this.#told, reply.length);
    }
    const { from, to, answer, isOver } = range;
    const clear = isOver || isEnd ? to : to - heldOf(reply, CLOSING);
    const pieces = this.#tell("reasoning", Math.max(this.#told, from), clear);
    if (!isOver) return pieces;
    // White space before the answer is no part of it.
    return [
      ...pieces,
      ...this.#tell("text", Math.max(this.#told, answer), reply.length),
    ];
  }

  #tell(type: Piece["type"], from: number, to: number): Piece[] {
    if (to <= from) return [];
    this.#told = to;
    return [{ type, text: this.#reply.slice(from, to) }];
  }
}

/** How many of the last characters may be the beginning of a mark. */
function heldOf(text: string, mark: string): number {
  for (let length = mark.length - 1; length > 0; length--)
    if (text.endsWith(mark.slice(0, length))) return length;
  return 0;
}
