/** Trying again: how often, and how long to wait in between. */
import { ModelFetchError } from "../../util/errors";

/** A fetch that may well succeed a little later: a lost connection, or a server that is too busy. */
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

export interface Patience {
  /** How often something is tried again. */
  retries: number;
  /** The first wait; each one after it is twice as long. */
  firstWaitMs: number;
  /** How long a connection may bring nothing before it counts as lost. */
  stallMs?: number;
}

export const PATIENT: Patience = { retries: 5, firstWaitMs: 1000 };
const STALL_MS = 45_000;

/** Who is asked to come back later than this is better told so than kept waiting. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Waits before the try number `failures` + 1.
 *
 * @throws the error itself where it is not worth another try; the signal's reason
 */
export async function waitAfter(
  error: unknown,
  failures: number,
  { retries, firstWaitMs }: Patience,
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

/** Runs `action` until it succeeds, or fails for good. */
export async function patiently<T>(
  action: () => Promise<T>,
  patience: Patience,
  signal?: AbortSignal,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await action();
    } catch (error) {
      await waitAfter(error, ++failures, patience, signal);
    }
  }
}

/** A signal for one try: it ends with the one above it, or when the connection brings nothing for too long. */
export class TrySignal {
  readonly #controller = new AbortController();
  readonly #above: AbortSignal;
  readonly #stallMs: number;
  readonly #what: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param what is fetched, for the message */
  constructor(above: AbortSignal, what: string, { stallMs }: Patience) {
    this.#above = above;
    this.#what = what;
    this.#stallMs = stallMs ?? STALL_MS;
    if (above.aborted) this.#forward();
    above.addEventListener("abort", this.#forward);
    this.alive();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came. */
  alive(): void {
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

  /** The try is over. */
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
    // A connection that is back need not be waited for.
    globalThis.addEventListener?.("online", wake);
  });
}
