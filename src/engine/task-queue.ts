/** One thing at a time, in the order of asking. */
export class TaskQueue {
  #last: Promise<void> = Promise.resolve();

  /** Waits for its turn; the next one comes when the returned function is called. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let leave = () => {};
    this.#last = new Promise((resolve) => (leave = resolve));
    await before;
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
