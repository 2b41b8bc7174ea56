/**
 * Calibration in the page, for a model whose retrieval heads are not known: in idle time it reads the built-in chats,
 * whose answers are known, and keeps the heads that find these (choose-heads.ts). Interruptions cost the work on one
 * chat.
 */
import type { RondoConfig } from "../../model/config/calibration-config";
import type { CalibrationProgress } from "../api/notice";
import type { LoadedModel } from "../load/loaded-model";
import type { CalibrationChat } from "../rounds/calibration-chats";
import type { HeadCase } from "../rounds/choose-heads";
import { lazyPart } from "../../util/lazy-part";

const parts = () => import("./calibrate-heads");
const inTokens = lazyPart(async () => (await parts()).inTokens);
const headCases = lazyPart(
  async () => (await import("../rounds/head-cases")).headCases,
);
const indexFrom = lazyPart(async () => (await parts()).indexFrom);
const builtInChats = lazyPart(
  async () => (await import("../rounds/calibration-chats")).calibrationChats,
);

/** With fewer rounds, a chat has too little to choose from. */
const FEWEST_ROUNDS = 6;

export class SelfCalibration {
  readonly #chats: () => Promise<readonly CalibrationChat[]>;
  readonly #cases: HeadCase[] = [];
  #done = 0;
  #isOver = false;

  /** @param chats default: the built-in ones */
  constructor(chats: () => Promise<readonly CalibrationChat[]> = builtInChats) {
    this.#chats = chats;
  }

  /**
   * Goes on where it was interrupted. Does nothing for a model that needs no calibration, or as long as its chat is
   * short.
   *
   * @param rounds of the chat that was just used
   * @param shouldYield whether a foreground task waits for the GPU; then this stops
   * @returns the calibration, once it is done; without good heads its index is null
   * @throws OutOfMemoryError, DeviceLostError
   */
  async learn(
    { model, runner, residency }: LoadedModel,
    rounds: number,
    shouldYield: () => boolean,
    onProgress: (progress: CalibrationProgress) => void = () => undefined,
  ): Promise<RondoConfig | undefined> {
    if (this.#isOver || !model.needsHeads || rounds <= FEWEST_ROUNDS)
      return undefined;
    const chats = await this.#chats();
    const total = chats.length;
    while (this.#done < total) {
      if (shouldYield()) return undefined;
      onProgress({ done: this.#done, total });
      const chat = await inTokens(model, chats[this.#done]!);
      const tokens = [chat.system, ...chat.rounds].flat().length;
      // A model of a tiny context has nothing to choose from either.
      if (tokens > model.contextTokens / 2) break;
      const reading = await headCases(
        { runner, residency, contextTokens: model.contextTokens },
        chat,
      );
      let next = await reading.next();
      while (next.done !== true) {
        if (shouldYield()) {
          await reading.return([]);
          return undefined;
        }
        next = await reading.next();
      }
      this.#cases.push(...next.value);
      this.#done++;
    }
    this.#isOver = true;
    onProgress({ done: total, total });
    const { watershed } = runner.cache.lower.shape;
    const isWhole = this.#done === total && this.#cases.length > 0;
    const index = isWhole ? await indexFrom(model, this.#cases) : null;
    return { ...model.selection, watershed, index };
  }
}
