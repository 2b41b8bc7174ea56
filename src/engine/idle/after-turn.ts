/** What is done after a turn, while the user reads: KV of its last tokens, storing it, calibration. */
import { rondoJson } from "../../model/config/calibration-config";
import type { Archive } from "../archive/archive";
import type { LoadedModel } from "../load/loaded-model";
import type { ActiveChat } from "../open/active-chat";
import { settleRounds } from "../turn/settle-round";
import { SelfCalibration } from "./self-calibration";

export class AfterTurn {
  /** One for each loaded model. */
  readonly #calibrations = new WeakMap<LoadedModel, SelfCalibration>();
  /** Whether a foreground task waits for the GPU. */
  readonly #shouldYield: () => boolean;

  constructor(shouldYield: () => boolean) {
    this.#shouldYield = shouldYield;
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
    const calibration = this.#calibrations.get(loaded) ?? new SelfCalibration();
    this.#calibrations.set(loaded, calibration);
    const learned = await calibration.learn(
      loaded,
      conversation.rounds.length - 1,
      this.#shouldYield,
    );
    if (!learned) return;
    loaded.model.calibration = "learned";
    if (learned.index) await loaded.useHeads(learned.index);
    await archive.saveLearned(url, rondoJson(learned));
  }
}
