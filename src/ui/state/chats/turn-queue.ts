/**
 * Runs the turns of all chats one at a time and in order: there is one model. While paused (no model yet, or the
 * device was lost) no turn starts, and waiting ones keep their places.
 */
export type Turn = () => Promise<void>;

export class TurnQueue {
  #waiting: Turn[] = [];
  #isBusy = false;
  #isPaused = true;

  add(turn: Turn): void {
    this.#waiting.push(turn);
    void this.#next();
  }

  /** Removes a turn that has not started. Returns whether there was one. */
  remove(turn: Turn): boolean {
    const kept = this.#waiting.filter((waiting) => waiting !== turn);
    const wasWaiting = kept.length < this.#waiting.length;
    this.#waiting = kept;
    return wasWaiting;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    void this.#next();
  }

  async #next(): Promise<void> {
    if (this.#isBusy || this.#isPaused) return;
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#isBusy = true;
    try {
      await turn();
    } finally {
      this.#isBusy = false;
      void this.#next();
    }
  }
}
