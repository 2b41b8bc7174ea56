/** Measures the phases of a turn: every moment from its start to its end belongs to one of them. */
import type { TurnPhases } from "../api/receipt";

export class PhaseClock {
  readonly #phases: TurnPhases = {
    lowerMs: 0,
    readMs: 0,
    selectMs: 0,
    upperMs: 0,
    answerMs: 0,
    decodeMs: 0,
  };
  #now: keyof TurnPhases = "lowerMs";
  #since = performance.now();

  /** Ends the current phase; the time from now on belongs to another one, or to the same. */
  enter(phase: keyof TurnPhases): void {
    const now = performance.now();
    this.#phases[this.#now] += now - this.#since;
    this.#since = now;
    this.#now = phase;
  }

  /** The times so far. */
  read(): TurnPhases {
    this.enter(this.#now);
    return { ...this.#phases };
  }
}
