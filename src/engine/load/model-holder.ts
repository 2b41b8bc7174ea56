/** Holds the loaded model and its source, and loads it again when its device is lost. */
import { deviceId } from "../../model/hub/device-name";
import type { ModelFiles } from "../../model/files/model-files";
import type { LoadOptions, ModelSource } from "../api/models";
import type { LoadedModel, LoadedModelOptions } from "./loaded-model";
import type { ModelLibrary } from "./model-library";

/** Makes a model ready from its files. */
export type OpenModel = (
  files: ModelFiles,
  options: LoadedModelOptions,
) => Promise<LoadedModel>;

export interface ModelHolderOptions {
  library: Pick<ModelLibrary, "open">;
  platform: GPU | undefined;
  network: LoadedModelOptions["network"];
  openModel: OpenModel;
  /** What calibration learned of the model at an address, unchecked. */
  learned: (url: string) => Promise<unknown>;
  /** Resolves when no packing runs: packing needs the pages of the model to release. */
  packed: () => Promise<void>;
}

export const notLoaded = () =>
  new Error("No model is loaded: call load() first.");

export class ModelHolder {
  readonly #options: ModelHolderOptions;
  #loaded: LoadedModel | undefined;
  #source: { source: ModelSource; options: LoadOptions } | undefined;

  constructor(options: ModelHolderOptions) {
    this.#options = options;
  }

  /** The loaded model, if there is one. */
  get current(): LoadedModel | undefined {
    return this.#loaded;
  }

  /** The same if its device is there and has not failed. */
  get sound(): LoadedModel | undefined {
    return this.#loaded?.gpu.isSound === true ? this.#loaded : undefined;
  }

  /** Whether a model is loaded or can be loaded again. @throws Error if none was loaded */
  assertLoaded(): void {
    if (this.#source === undefined) throw notLoaded();
  }

  /** The model's address, its name on the hub, or its id on this device. */
  get url(): string {
    return this.#source ? urlOf(this.#source.source) : "";
  }

  /**
   * A model's files, downloaded if need be. Does not touch the loaded model.
   *
   * @throws ModelFormatError, ModelFetchError, StoreError; the signal's reason
   */
  async fetch(source: ModelSource, options: LoadOptions): Promise<ModelFiles> {
    options.signal?.throwIfAborted();
    return this.#options.library.open(source, options);
  }

  /**
   * Replaces the loaded model. If that fails, none is loaded.
   *
   * @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError; the signal's reason
   */
  async load(
    files: ModelFiles,
    source: ModelSource,
    options: LoadOptions,
  ): Promise<LoadedModel> {
    options.signal?.throwIfAborted();
    this.#source = undefined;
    const loaded = await this.#open(files, source, options);
    const { memoryBudgetBytes, weightBits, contextTokens, hubUrl } = options;
    this.#source = {
      source,
      options: { memoryBudgetBytes, weightBits, contextTokens, hubUrl },
    };
    return loaded;
  }

  /**
   * The model on a working device. If the device was lost or failed, the model is loaded again, and KV is
   * restored from the store or recomputed. If that fails, the next call tries again.
   *
   * @throws Error if no model was loaded; as `load` does
   */
  async recovered(): Promise<LoadedModel> {
    if (this.sound) return this.sound;
    this.assertLoaded();
    const { source, options } = this.#source!;
    return this.#open(await this.fetch(source, options), source, options);
  }

  /** Releases all GPU memory. Chats stay: their KV is restored or recomputed when needed. */
  async release(): Promise<void> {
    const loaded = this.#loaded;
    if (!loaded) return;
    this.#loaded = undefined;
    if (loaded.gpu.isSound) await this.#options.packed();
    loaded.destroy();
  }

  async #open(
    files: ModelFiles,
    source: ModelSource,
    options: LoadOptions,
  ): Promise<LoadedModel> {
    await this.release();
    const { platform, network, learned, openModel } = this.#options;
    const loaded = await openModel(files, {
      ...options,
      learned: await learned(urlOf(source)),
      platform,
      network,
    });
    loaded.residency.transfersDone = () => this.#options.packed();
    this.#loaded = loaded;
    return loaded;
  }
}

/** Of files, the id under which they may be stored: they stay the same model then. */
function urlOf(source: ModelSource): string {
  return typeof source === "string" ? source : deviceId(source);
}
