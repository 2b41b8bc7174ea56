/** What is done after a turn, while the user reads: KV of its last tokens, storing it, calibration. */
import type { Archive } from "../archive/archive";
import { INDEX_SHARE } from "../../model/config/round-index";
import type { LoadedModel } from "../load/loaded-model";
import type { ActiveChat } from "../open/active-chat";
import type { EngineNotice } from "../api/notice";
import { lazyPart } from "../../util/lazy-part";
import type { SelfCalibration } from "./self-calibration";

const rondoJson = lazyPart(
  async () => (await import("../../model/config/rondo-json")).rondoJson,
);

const settleRounds = lazyPart(
  async () => (await import("../turn/settle-round")).settleRounds,
);

const newCalibration = lazyPart(async () => {
  const { SelfCalibration } = await import("./self-calibration");
  return () => new SelfCalibration();
});

export class AfterTurn {
  /** Whether models are calibrated. */
  calibrates = true;
  /** One for each loaded model. */
  readonly #calibrations = new WeakMap<LoadedModel, SelfCalibration>();
  /** Whether a foreground task waits for the GPU. */
  readonly #shouldYield: () => boolean;
  readonly #notify: (notice: EngineNotice) => void;

  constructor(
    shouldYield: () => boolean,
    notify: (notice: EngineNotice) => void,
  ) {
    this.#shouldYield = shouldYield;
    this.#notify = notify;
  }

  /**
   * Never rejects: what fails here is done by the next turn, which reports the error.
   *
   * @param url where the model came from
   * @param onStored called when all KV is stored
   */
  async run(
    active: ActiveChat,
    url: string,
    onStored: () => void,
  ): Promise<void> {
    const { archive } = active.stores;
    await settleRounds(active.context, this.#shouldYield).catch(
      () => undefined,
    );
    active.storeKv();
    void active.stored().then(onStored);
    void archive.saveUses();
    await this.#learn(active, archive, url).catch(() => undefined);
  }

  /** Looks for the retrieval heads of a model that came without a calibration. */
  async #learn(
    { loaded, conversation }: ActiveChat,
    archive: Archive,
    url: string,
  ): Promise<void> {
    if (!this.calibrates || !loaded.model.needsHeads) return;
    const calibration =
      this.#calibrations.get(loaded) ?? (await newCalibration());
    this.#calibrations.set(loaded, calibration);
    const learned = await calibration.learn(
      loaded,
      conversation.rounds.length - 1,
      () => this.#shouldYield() || !this.calibrates,
      (progress) => this.#notify({ type: "calibrating", ...progress }),
    );
    if (!learned) return;
    loaded.model.calibration = "learned";
    // Where all memory is taken they wait for the next loading.
    if (learned.index && loaded.runner.cache.giveUp(INDEX_SHARE))
      await loaded.useHeads(learned.index);
    await archive.saveLearned(url, await rondoJson(learned));
  }
}
