/** Retry policy and backoff. */
import { ModelFetchError } from "../../util/errors";

/** A fetch that may succeed a little later: a lost connection, or a server that is too busy. */
export class TemporaryFetchError extends ModelFetchError {
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    {
      retryAfterMs,
      ...options
    }: ErrorOptions & { retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RetryPolicy {
  /** How often to try again. */
  retries: number;
  /** The first wait; each later one is twice as long. */
  firstWaitMs: number;
  /** How long a connection may deliver nothing before it counts as lost. */
  stallMs?: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  retries: 5,
  firstWaitMs: 1000,
};
const STALL_MS = 45_000;

/** If the server asks to wait longer than this, the fetch fails at once and says so. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Waits before try number `failures` + 1.
 *
 * @throws the error itself if another try is pointless; the signal's reason
 */
export async function waitAfter(
  error: unknown,
  failures: number,
  { retries, firstWaitMs }: RetryPolicy,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  if (!(error instanceof TemporaryFetchError) || failures > retries)
    throw error;
  const waitMs = Math.max(
    firstWaitMs * 2 ** (failures - 1),
    error.retryAfterMs ?? 0,
  );
  if (waitMs > LONGEST_WAIT_MS) throw error;
  await sleep(waitMs, signal);
}

/** Runs `action` until it succeeds or fails for good. */
export async function withRetries<T>(
  action: () => Promise<T>,
  retryPolicy: RetryPolicy,
  signal?: AbortSignal,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await action();
    } catch (error) {
      await waitAfter(error, ++failures, retryPolicy, signal);
    }
  }
}

/** A signal for one try: it aborts with its parent, or when the connection delivers nothing for too long. */
export class TrySignal {
  readonly #controller = new AbortController();
  readonly #above: AbortSignal;
  readonly #stallMs: number;
  readonly #what: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param what is fetched, for the message */
  constructor(above: AbortSignal, what: string, { stallMs }: RetryPolicy) {
    this.#above = above;
    this.#what = what;
    this.#stallMs = stallMs ?? STALL_MS;
    if (above.aborted) this.#forward();
    above.addEventListener("abort", this.#forward);
    this.restartTimer();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Restarts the timeout: data arrived. */
  restartTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.#controller.abort(
          new TemporaryFetchError(
            `No more data of ${this.#what} came for ${Math.round(this.#stallMs / 1000)} seconds. Load the model again to resume the download.`,
          ),
        ),
      this.#stallMs,
    );
  }

  /** Ends the try. */
  end(): void {
    clearTimeout(this.#timer);
    this.#above.removeEventListener("abort", this.#forward);
  }

  readonly #forward = () => this.#controller.abort(this.#above.reason);
}

/** Whether the platform knows that there is no network. */
export function isOffline(): boolean {
  const navigator: Partial<Navigator> | undefined = globalThis.navigator;
  return !(navigator?.onLine ?? true);
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      globalThis.removeEventListener?.("online", wake);
    };
    const wake = () => {
      settle();
      resolve();
    };
    const stop = () => {
      settle();
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener("abort", stop);
    // The connection is back: no need to wait longer.
    globalThis.addEventListener?.("online", wake);
  });
}
