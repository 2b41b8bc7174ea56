/** Runs tasks one at a time, in FIFO order. */
export class TaskQueue {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #onSettled: () => void;

  /** @param onSettled called after each task, before the next one begins */
  constructor(onSettled: () => void = () => undefined) {
    this.#onSettled = onSettled;
  }

  /** True while a foreground task waits; background tasks do not count. */
  get hasWaiting(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits for its turn; the next task begins when the returned function is called.
   *
   * @param isBackground if so, running tasks need not make way for it
   */
  async enter(isBackground = false): Promise<() => void> {
    const before = this.#last;
    let leave = () => {};
    this.#last = new Promise((resolve) => (leave = resolve));
    this.#waiting += Number(!isBackground);
    await before;
    this.#waiting -= Number(!isBackground);
    return () => {
      this.#onSettled();
      leave();
    };
  }

  /** @throws as the task does */
  async run<T>(task: () => Promise<T>, isBackground = false): Promise<T> {
    const leave = await this.enter(isBackground);
    try {
      return await task();
    } finally {
      leave();
    }
  }
}
