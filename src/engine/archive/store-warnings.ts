/** Says what goes wrong with the store, and does not say it again and again while it stays so. */
import { asStoreError } from "../../store/store-error";
import type { StoreTrouble } from "./archive";

export class TroubleBell {
  readonly #onTrouble: (trouble: StoreTrouble) => void;
  #lastMessage: string | undefined;
  #isOff = false;

  constructor(onTrouble: (trouble: StoreTrouble) => void = () => undefined) {
    this.#onTrouble = onTrouble;
  }

  /** @param consequence a sentence for whoever reads the message */
  ring(error: unknown, consequence?: string): void {
    const { reason, message: what } = asStoreError(error, "save a chat");
    const message = consequence === undefined ? what : `${what} ${consequence}`;
    if (this.#isOff || message === this.#lastMessage) return;
    this.#lastMessage = message;
    this.#onTrouble({ reason, message });
  }

  /** Something worked: from now on the same trouble is news again. */
  rearm(): void {
    this.#lastMessage = undefined;
  }

  /** From now on nothing is trouble: the store is being closed. */
  off(): void {
    this.#isOff = true;
  }
}
