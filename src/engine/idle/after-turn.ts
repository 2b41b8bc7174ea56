/** What is done after a turn, while the user reads: KV of its last tokens, storing it, calibration. */
import type { BoundChat } from "../chat/bound-chat";
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
    await this.#learn(active.loaded, active.chat, archive, url).catch(
      () => undefined,
    );
  }

  /** Calibrates a model that came without a calibration, from the question just asked. */
  async #learn(
    loaded: LoadedModel,
    chat: BoundChat,
    archive: Archive,
    url: string,
  ): Promise<void> {
    const calibration = this.#calibrations.get(loaded) ?? new SelfCalibration();
    this.#calibrations.set(loaded, calibration);
    const learned = await calibration.learn(loaded, chat, this.#shouldYield);
    if (!learned) return;
    loaded.model.selection = learned;
    loaded.model.calibration = "learned";
    const { contextTokens: _, ...config } = learned;
    await archive.saveLearned(url, { version: 1, ...config });
  }
}
