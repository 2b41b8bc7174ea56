/** The model that is loaded, and where it came from: it is loaded again when its device is lost. */
import type { ModelFiles } from "../../model/files/model-files";
import type { LoadOptions, ModelSource } from "../api/models";
import { LoadedModel, type LoadedModelOptions } from "./loaded-model";
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
  /** Default: `LoadedModel.open`. */
  openModel?: OpenModel | undefined;
  /** What was learned of the model at an address, unchecked. */
  learned: (url: string) => Promise<unknown>;
  /** Resolves when nothing is being packed: packing needs the pages of the model that goes. */
  packed: () => Promise<void>;
}

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

  /** The same, while its device is there and computes rightly. */
  get sound(): LoadedModel | undefined {
    return this.#loaded?.gpu.isSound === true ? this.#loaded : undefined;
  }

  /** One whose device was lost comes back, and counts. @throws Error where no model was loaded */
  assertLoaded(): void {
    if (this.#source === undefined)
      throw new Error("No model is loaded: call load() first.");
  }

  /** The address that the model was loaded from, its name on the hub, or the names of its files. */
  get url(): string {
    return this.#source ? urlOf(this.#source.source) : "";
  }

  /**
   * Loads a model in the place of the one before. One that can't be fetched takes nothing from that; one that
   * fails later leaves no model.
   *
   * @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError, StoreError; the
   *   signal's reason
   */
  async load(source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
    const files = await this.#fetch(source, options);
    this.#source = undefined;
    const loaded = await this.#open(files, source, options);
    const { memoryBudgetBytes, weightBits, hubUrl } = options;
    this.#source = {
      source,
      options: { memoryBudgetBytes, weightBits, hubUrl },
    };
    return loaded;
  }

  /**
   * The model on a device that is sound. One that was lost, or on which something failed, is replaced: KV is
   * restored from the store, or computed again. Where that fails, the next call tries again.
   *
   * @throws Error where no model was loaded; as `load` does
   */
  async recovered(): Promise<LoadedModel> {
    if (this.sound) return this.sound;
    this.assertLoaded();
    const { source, options } = this.#source!;
    return this.#open(await this.#fetch(source, options), source, options);
  }

  /** Gives all GPU memory back. Chats stay: their KV is restored, or computed again, when it is needed. */
  async release(): Promise<void> {
    const loaded = this.#loaded;
    if (!loaded) return;
    this.#loaded = undefined;
    if (loaded.gpu.isSound) await this.#options.packed();
    loaded.destroy();
  }

  async #fetch(source: ModelSource, options: LoadOptions): Promise<ModelFiles> {
    options.signal?.throwIfAborted();
    return this.#options.library.open(source, options);
  }

  async #open(
    files: ModelFiles,
    source: ModelSource,
    options: LoadOptions,
  ): Promise<LoadedModel> {
    await this.release();
    const { platform, network, learned } = this.#options;
    const open: OpenModel =
      this.#options.openModel ?? ((...args) => LoadedModel.open(...args));
    const loaded = await open(files, {
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

function urlOf(source: ModelSource): string {
  return typeof source === "string"
    ? source
    : source.map(({ name }) => name).join(" ");
}
