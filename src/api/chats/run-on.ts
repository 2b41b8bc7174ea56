/** Events that come whether or not somebody reads them: nothing waits for a reader who has gone away. */

/**
 * Starts reading the events, and gives them to one reader.
 *
 * @param stop called when the reader leaves before the end
 * @param signal ends it for the reader at once, with its reason; the events go on
 */
export async function* runOn<T>(
  events: AsyncIterable<T>,
  stop: () => void,
  signal?: AbortSignal,
): AsyncGenerator<T, void> {
  const reading = new Reading(events);
  const wake = () => reading.wake();
  signal?.addEventListener("abort", wake);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (reading.arrived.length > 0) yield reading.arrived.shift()!;
      else if (reading.failure !== undefined) throw reading.failure.error;
      else if (reading.isOver) return;
      else await reading.next();
    }
  } finally {
    signal?.removeEventListener("abort", wake);
    if (!reading.isOver) stop();
  }
}

class Reading<T> {
  readonly arrived: T[] = [];
  failure: { error: unknown } | undefined;
  isOver = false;
  wake = () => {};

  constructor(events: AsyncIterable<T>) {
    void this.#read(events);
  }

  /** Resolves when something has come. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  async #read(events: AsyncIterable<T>): Promise<void> {
    try {
      for await (const event of events) {
        this.arrived.push(event);
        this.wake();
      }
    } catch (error) {
      this.failure = { error };
    }
    this.isOver = true;
    this.wake();
  }
}
