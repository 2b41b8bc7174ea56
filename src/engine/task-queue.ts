/** One thing at a time, in the order of asking. */
export class TaskQueue {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Whether somebody waits for the task that runs. */
  get isWanted(): boolean {
    return this.#waiting > 0;
  }

  /** Waits for its turn; the next one comes when the returned function is called. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let leave = () => {};
    this.#last = new Promise((resolve) => (leave = resolve));
    this.#waiting++;
    await before;
    this.#waiting--;
    return leave;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await task();
    } finally {
      leave();
    }
  }
}
