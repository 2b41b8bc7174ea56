/** Reports trouble with the store, once until a write succeeds again. */
import { asStoreError } from "../../store/store-error";
import type { StoreTrouble } from "./archive";

export class TroubleBell {
  readonly #onTrouble: (trouble: StoreTrouble) => void;
  #lastMessage: string | undefined;
  #isOff = false;

  constructor(onTrouble: (trouble: StoreTrouble) => void = () => undefined) {
    this.#onTrouble = onTrouble;
  }

  /** @param consequence a sentence for the user */
  ring(error: unknown, consequence?: string): void {
    const { reason, message: what } = asStoreError(error, "keep a chat");
    const message = consequence === undefined ? what : `${what} ${consequence}`;
    if (this.#isOff || message === this.#lastMessage) return;
    this.#lastMessage = message;
    this.#onTrouble({ reason, message });
  }

  /** A write succeeded: the same trouble is worth a warning again. */
  rearm(): void {
    this.#lastMessage = undefined;
  }

  /** Stops all warnings: the store is being closed. */
  off(): void {
    this.#isOff = true;
  }
}
