/** Warnings that the user can dismiss. A persisting one is shown once, until it is over. */
import type { StoreErrorReason } from "../../util/errors";

export interface Warning {
  readonly key: string;
  readonly message: string;
}

type WithReason = Error & { reason?: StoreErrorReason };

/** While one of these persists, nothing is saved. */
const NOTHING_IS_SAVED: readonly StoreErrorReason[] = [
  "unavailable",
  "blocked",
  "outdated",
  "closed",
];

/** The key of failed actions; at most one is shown. */
const FAILURE = "failure";
/** The key of what is to know of the model. */
const MODEL = "model";

export class Warnings {
  /** The latest last. */
  shown: readonly Warning[] = [];
  readonly #told = new Set<StoreErrorReason>();
  /** Why chats cannot be listed. */
  #listError: StoreErrorReason | undefined;

  /** Whether chats are saved; true until an error says otherwise. */
  get isKeeping(): boolean {
    const isKnownNotTo = NOTHING_IS_SAVED.some((one) => this.#told.has(one));
    return this.#listError === undefined && !isKnownNotTo;
  }

  /** Records whether chats could be listed. Returns whether a new warning is shown. */
  listed(error?: WithReason): boolean {
    const reason = error && (error.reason ?? "failed");
    if (reason === this.#listError) return false;
    if (this.#listError !== undefined) this.end(this.#listError);
    this.#listError = reason;
    if (error === undefined || reason === undefined) return false;
    return this.tell(reason, `Chats are not saved. ${error.message}`);
  }

  /** Shows a warning of the store, unless it is known and persists. Returns whether it is new. */
  tell(reason: StoreErrorReason, message: string): boolean {
    if (this.#told.has(reason)) return false;
    this.#told.add(reason);
    this.#show(reason, message);
    return true;
  }

  /** Shows that a user's action failed, each time. */
  report(message: string): void {
    this.#show(FAILURE, message);
  }

  /** Shows what is to know of the loaded model, in place of what was of the one before. */
  noteModel(message: string | undefined): void {
    if (message === undefined) this.dismiss(MODEL);
    else this.#show(MODEL, message);
  }

  dismiss(key: string): void {
    this.shown = this.shown.filter((warning) => warning.key !== key);
  }

  /** The cause is gone: if it comes back, it is shown again. */
  end(reason: StoreErrorReason): void {
    this.#told.delete(reason);
    this.dismiss(reason);
  }

  #show(key: string, message: string): void {
    this.dismiss(key);
    this.shown = [...this.shown, { key, message }];
  }
}
