/** Reports trouble with the store, once until a write succeeds again. */
import { asStoreError } from "../../store/store-error";
import type { StoreWarning } from "./archive";

export class StoreWarnings {
  readonly #onWarning: (trouble: StoreWarning) => void;
  #lastMessage: string | undefined;
  #isStopped = false;

  constructor(onWarning: (trouble: StoreWarning) => void = () => undefined) {
    this.#onWarning = onWarning;
  }

  /** @param consequence a sentence for the user */
  warn(error: unknown, consequence?: string): void {
    const { reason, message: what } = asStoreError(error, "save a chat");
    const message = consequence === undefined ? what : `${what} ${consequence}`;
    if (this.#isStopped || message === this.#lastMessage) return;
    this.#lastMessage = message;
    this.#onWarning({ reason, message });
  }

  /** A write succeeded: the same trouble is worth a warning again. */
  succeeded(): void {
    this.#lastMessage = undefined;
  }

  /** Stops all warnings: the store is being closed. */
  stop(): void {
    this.#isStopped = true;
  }
}
