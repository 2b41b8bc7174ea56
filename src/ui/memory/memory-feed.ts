/**
 * Keeps a snapshot of memory fresh: polls at once, after each notice, and once a second, one request at a time. While
 * the panel is closed, hidden, or its page is in the background, it does nothing.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { MemoryOptions, MemorySource } from "../../engine/api/kv-memory";
import type { MemorySnapshot } from "../../engine/api/memory-snapshot";
import { asError } from "../base/as-error";
import { withoutText } from "./redact";

const POLL_MS = 1000;

/** Least time between two requests. */
const GAP_MS = 200;

/** What to poll, and from whom. */
export interface MemoryQuery extends MemoryOptions {
  source: MemorySource | undefined;
  isHidden: boolean;
}

export class MemoryFeed implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  #query: MemoryQuery = { source: undefined, isHidden: false };
  #isConnected = false;
  /** Stops polling. */
  #rest: (() => void) | undefined;
  #isWatching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #askedMs = -Infinity;
  /** The pending request. */
  #inFlight: MemoryQuery | undefined;
  /** Whether something has changed since it was sent. */
  #isOutdated = false;
  snapshot: MemorySnapshot | undefined;
  /** Why the last request failed; polling stops until `refresh`. */
  error: Error | undefined;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#isConnected = true;
    this.#settle();
  }

  hostDisconnected(): void {
    this.#isConnected = false;
    this.#settle();
  }

  follow(query: MemoryQuery): void {
    const before = this.#query;
    this.#query = query;
    if (query.source !== before.source) {
      this.snapshot = undefined;
      // The answer for the old source is ignored.
      this.#inFlight = undefined;
      this.#stop();
    }
    if (query.withText !== true && this.snapshot)
      this.snapshot = withoutText(this.snapshot);
    const isOther =
      query.source !== before.source ||
      query.chatId !== before.chatId ||
      query.withText !== before.withText;
    if (isOther) this.error = undefined;
    const wasRunning = this.#rest !== undefined;
    this.#settle();
    if (isOther && wasRunning) this.refresh();
  }

  /** Polls now, or as soon as the pending request returns. */
  refresh(): void {
    this.error = undefined;
    if (this.#rest === undefined) return;
    if (this.#inFlight) this.#isOutdated = true;
    else void this.#ask();
  }

  /** Starts or stops polling. */
  #settle = (): void => {
    const { isHidden, source } = this.#query;
    const isOpen = this.#isConnected && source !== undefined && !isHidden;
    this.#watchPage(isOpen);
    const isSeen = isOpen && document.visibilityState === "visible";
    if (!isSeen) this.#stop();
    else if (this.#rest === undefined) {
      this.#rest = source.onNotice(this.#onNotice);
      this.refresh();
    }
  };

  #watchPage(isOpen: boolean): void {
    if (isOpen === this.#isWatching) return;
    this.#isWatching = isOpen;
    if (isOpen) document.addEventListener("visibilitychange", this.#settle);
    else document.removeEventListener("visibilitychange", this.#settle);
  }

  #stop(): void {
    this.#rest?.();
    this.#rest = undefined;
    clearTimeout(this.#timer);
  }

  /** Any notice may mean that memory has changed. */
  #onNotice = (): void => {
    this.error = undefined;
    if (this.#inFlight) this.#isOutdated = true;
    else this.#askIn(this.#askedMs + GAP_MS - performance.now());
  };

  #askIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), Math.max(ms, 0));
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    const query = { ...this.#query };
    const { chatId, source, withText } = query;
    if (source === undefined) return;
    this.#inFlight = query;
    this.#isOutdated = false;
    this.#askedMs = performance.now();
    const answer = await source.memory({ chatId, withText }).catch(asError);
    if (this.#inFlight !== query) return;
    this.#inFlight = undefined;
    this.#take(answer, query.withText === true);
    if (this.#rest === undefined) return;
    if (this.#isOutdated)
      this.#askIn(this.#askedMs + GAP_MS - performance.now());
    else if (this.error === undefined) this.#askIn(POLL_MS);
  }

  #take(answer: MemorySnapshot | Error, wasWithText: boolean): void {
    if (answer instanceof Error) this.error = answer;
    else {
      this.error = undefined;
      // Text may have been hidden meanwhile.
      const mayHaveText = wasWithText && this.#query.withText === true;
      this.snapshot = mayHaveText ? answer : withoutText(answer);
    }
    this.#host.requestUpdate();
  }
}
