/** Runs tasks of the same key one at a time, in FIFO order. */
export class KeyedQueue {
  /** The last task of each key that has any; never rejects. */
  readonly #last = new Map<string, Promise<void>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = this.idle(key).then(task);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    return result;
  }

  /** Resolves when the tasks queued so far are done. */
  idle(key: string): Promise<void> {
    return this.#last.get(key) ?? Promise.resolve();
  }

  async allIdle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
