/** The verification of a turn: running, done or failed. One at a time; the last report stays until the next. */
import type { MemorySource, VerifyReport } from "../../../engine/api/kv-memory";
import { asError } from "../../base/as-error";

/** Its state; a new object after each change. */
export interface VerificationState {
  /** The round verified now or last. */
  readonly chatId?: string;
  readonly roundId?: number;
  /** While it runs; both 0 until known. */
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

  /** Resolves with the announcement; undefined where there is none. */
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
    // Cancelled, or replaced by another.
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

  /** Called when the source changes. */
  clear(): void {
    this.cancel();
    this.#set({});
  }

  #set(state: VerificationState): void {
    this.state = state;
    this.#changed();
  }
}

/** The last report, if it is about this chat, and this round where one is given. */
export function reportOn(
  { report }: VerificationState,
  chatId: string | undefined,
  roundId = report?.roundId,
): VerifyReport | undefined {
  const isOf = report?.chatId === chatId && report?.roundId === roundId;
  return isOf ? report : undefined;
}
