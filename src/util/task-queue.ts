/** One thing at a time, in the order of asking. */
export class TaskQueue {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Whether somebody waits for the task that runs; those that have time do not count. */
  get isWanted(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits for its turn; the next one comes when the returned function is called.
   *
   * @param hasTime whether the one that runs need not hurry for it
   */
  async enter(hasTime = false): Promise<() => void> {
    const before = this.#last;
    let leave = () => {};
    this.#last = new Promise((resolve) => (leave = resolve));
    this.#waiting += Number(!hasTime);
    await before;
    this.#waiting -= Number(!hasTime);
    return leave;
  }

  async run<T>(task: () => Promise<T>, hasTime = false): Promise<T> {
    const leave = await this.enter(hasTime);
    try {
      return await task();
    } finally {
      leave();
    }
  }
}
