/** What the user should know and can put aside. The same trouble is told once, until it is over. */
import type { StoreErrorReason } from "../../util/errors";

export interface Trouble {
  readonly key: string;
  readonly message: string;
}

type WithReason = Error & { reason?: StoreErrorReason };

/** As long as one of these stands, nothing at all is kept. */
const NOTHING_IS_KEPT: readonly StoreErrorReason[] = [
  "unavailable",
  "blocked",
  "outdated",
  "closed",
];

/** The key of what failed last; there is one such trouble at most. */
const FAILURE = "failure";

export class Troubles {
  /** The latest last. */
  shown: readonly Trouble[] = [];
  readonly #told = new Set<StoreErrorReason>();
  /** Why chats cannot be listed. */
  #listTrouble: StoreErrorReason | undefined;

  /** Whether chats outlive the page; true until something says otherwise. */
  get isKeeping(): boolean {
    const isKnownNotTo = NOTHING_IS_KEPT.some((one) => this.#told.has(one));
    return this.#listTrouble === undefined && !isKnownNotTo;
  }

  /** Takes note of whether chats could be listed. Says whether that is news of a new trouble. */
  listed(error?: WithReason): boolean {
    const reason = error && (error.reason ?? "failed");
    if (reason === this.#listTrouble) return false;
    if (this.#listTrouble !== undefined) this.end(this.#listTrouble);
    this.#listTrouble = reason;
    if (error === undefined || reason === undefined) return false;
    return this.tell(reason, `Chats are not saved. ${error.message}`);
  }

  /** Tells of the store's trouble, unless that was told before and still stands. Says whether it did. */
  tell(reason: StoreErrorReason, message: string): boolean {
    if (this.#told.has(reason)) return false;
    this.#told.add(reason);
    this.#show(reason, message);
    return true;
  }

  /** Tells that something the user asked for has failed; each time, for it was asked for each time. */
  report(message: string): void {
    this.#show(FAILURE, message);
  }

  dismiss(key: string): void {
    this.shown = this.shown.filter((trouble) => trouble.key !== key);
  }

  /** The trouble is over: should it come back, that is worth telling. */
  end(reason: StoreErrorReason): void {
    this.#told.delete(reason);
    this.dismiss(reason);
  }

  #show(key: string, message: string): void {
    this.dismiss(key);
    this.shown = [...this.shown, { key, message }];
  }
}
