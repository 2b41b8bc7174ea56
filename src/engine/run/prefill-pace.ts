/** How many rows go into one submit of a prefill, so that the page keeps painting. */

/** The longest that a submit should take: on an integrated GPU the page paints with it too. */
const TARGET_MS = 50;
/** The tile height of matmul: fewer rows cost as much. */
const FEWEST_ROWS = 32;

export class PrefillPace {
  readonly #mostRows: number;
  #rows = 64;

  constructor(mostRows: number) {
    this.#mostRows = mostRows;
  }

  /** Rows of the next submit, of `rows` left: submits of even size, none of them tiny. */
  nextRows(rows: number): number {
    return Math.ceil(rows / Math.ceil(rows / this.#rows));
  }

  /** Learns from a submit of `rows` rows that took `ms`. */
  addSample(rows: number, ms: number): void {
    if (rows < FEWEST_ROWS) return; // all start-up: it says little about a row
    const fitting = Math.floor((rows * TARGET_MS) / Math.max(ms, 0.1));
    const next = Math.min(2 * this.#rows, Math.max(FEWEST_ROWS, fitting));
    this.#rows = Math.min(this.#mostRows, next);
  }
}
