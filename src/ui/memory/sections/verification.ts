/** The verification of a turn: on its way, done or failed. One at a time; the last report stays until the next. */
import type { MemorySource, VerifyReport } from "../../../engine/api/kv-memory";
import { asError } from "../../base/as-error";

/** How it stands; another object after each change. */
export interface VerificationState {
  /** Of the round that is verified now, or was last. */
  readonly chatId?: string;
  readonly roundId?: number;
  /** While it goes on; both 0 until known. */
  readonly progress?: { doneTokens: number; totalTokens: number } | undefined;
  /** The last that was made. */
  readonly report?: VerifyReport | undefined;
  readonly error?: Error | undefined;
}

export class Verification {
  readonly #changed: () => void;
  #controller: AbortController | undefined;
  state: VerificationState = {};

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Says what is to be announced when it is over; undefined where nothing is. */
  async run(
    source: MemorySource,
    chatId: string,
    roundId: number,
  ): Promise<string | undefined> {
    this.cancel();
    const controller = new AbortController();
    this.#controller = controller;
    const { report } = this.state;
    const progress = { doneTokens: 0, totalTokens: 0 };
    this.#set({ report, chatId, roundId, progress });
    const { signal } = controller;
    const answer = await source
      .verify(chatId, roundId, {
        signal,
        onProgress: (progress) => {
          if (this.#controller === controller)
            this.#set({ ...this.state, progress });
        },
      })
      .catch(asError);
    // Given up, or another one has begun.
    if (this.#controller !== controller) return undefined;
    this.#controller = undefined;
    const isDone = !(answer instanceof Error);
    this.#set({
      chatId,
      roundId,
      ...(isDone ? { report: answer } : { report, error: answer }),
    });
    return isDone ? "Verified." : "Not verified.";
  }

  cancel(): void {
    if (this.#controller === undefined) return;
    this.#controller.abort();
    this.#controller = undefined;
    this.#set({ ...this.state, progress: undefined });
  }

  /** Another source knows nothing of it. */
  clear(): void {
    this.cancel();
    this.#set({});
  }

  #set(state: VerificationState): void {
    this.state = state;
    this.#changed();
  }
}

/** The report on a chat's turn, or on the one of this round, if that was the last that was made. */
export function reportOn(
  { report }: VerificationState,
  chatId: string | undefined,
  roundId = report?.roundId,
): VerifyReport | undefined {
  const isOf = report?.chatId === chatId && report?.roundId === roundId;
  return isOf ? report : undefined;
}
