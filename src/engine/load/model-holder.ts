/**
 * Holds the loaded model and its source, and loads it again when its device is lost. A model on a server takes the
 * place of one that is on this device.
 */
import { deviceId } from "../../model/hub/device-name";
import type { ModelFiles } from "../../model/files/model-files";
import type {
  FileSource,
  LoadOptions,
  ModelInfo,
  ModelSource,
} from "../api/models";
import { isServerSource, type ServerSource } from "../api/server-source";
import type { LoadedModel, LoadedModelOptions } from "./loaded-model";
import type { ModelLibrary } from "./model-library";

/** Makes a model ready from its files. */
export type OpenModel = (
  files: ModelFiles,
  options: LoadedModelOptions,
) => Promise<LoadedModel>;

/** A model on a server. */
export interface ServedModel {
  readonly info: ModelInfo;
  /** The address of the server's API. */
  readonly endpoint: string;
}

export interface ModelHolderOptions<Served extends ServedModel> {
  library: Pick<ModelLibrary, "open">;
  platform: GPU | undefined;
  network: LoadedModelOptions["network"];
  openModel: OpenModel;
  connect: (
    source: ServerSource,
    signal: AbortSignal | undefined,
  ) => Promise<Served>;
  /** What calibration learned of the model at an address, unchecked. */
  learned: (url: string) => Promise<unknown>;
  /** Resolves when no packing runs: packing needs the pages of the model to release. */
  packed: () => Promise<void>;
}

export const notLoaded = () =>
  new Error("No model is loaded: call load() first.");

export class ModelHolder<Served extends ServedModel> {
  readonly #options: ModelHolderOptions<Served>;
  #loaded: LoadedModel | undefined;
  #served: Served | undefined;
  #source: { source: FileSource; options: LoadOptions } | undefined;

  constructor(options: ModelHolderOptions<Served>) {
    this.#options = options;
  }

  /** The loaded model, if there is one on this device. */
  get current(): LoadedModel | undefined {
    return this.#loaded;
  }

  /** The model on a server that takes its place. */
  get served(): Served | undefined {
    return this.#served;
  }

  /** What is known of the one or the other. */
  get name(): string {
    return this.#served?.info.name ?? this.#loaded?.model.name ?? "";
  }

  /** The same if its device is there and has not failed. */
  get sound(): LoadedModel | undefined {
    return this.#loaded?.gpu.isSound === true ? this.#loaded : undefined;
  }

  /** Whether a model is loaded or can be loaded again. @throws Error if none was loaded */
  assertLoaded(): void {
    if (!this.#source && !this.#served) throw notLoaded();
  }

  /** The model's address, its name on the hub, or its id on this device; its server's address. */
  get url(): string {
    if (this.#served) return this.#served.endpoint;
    return this.#source ? urlOf(this.#source.source) : "";
  }

  /**
   * Fetches a model's files if need be, or asks its server what it has. Does not touch the loaded model.
   *
   * @returns what then replaces the loaded model; if that fails, none is loaded
   * @throws ModelFormatError, ModelFetchError, StoreError, ServerError; the signal's reason
   */
  async prepare(
    source: ModelSource,
    options: LoadOptions,
  ): Promise<(options: LoadOptions) => Promise<ModelInfo>> {
    options.signal?.throwIfAborted();
    if (isServerSource(source)) {
      options.onProgress?.({ phase: "server", loadedBytes: 0, totalBytes: 0 });
      const served = await this.#options.connect(source, options.signal);
      return () => this.#serve(served);
    }
    const files = await this.#fetch(source, options);
    return (options) => this.#load(files, source, options);
  }

  async #fetch(source: FileSource, options: LoadOptions): Promise<ModelFiles> {
    options.signal?.throwIfAborted();
    return this.#options.library.open(source, options);
  }

  async #serve(served: Served): Promise<ModelInfo> {
    this.#source = undefined;
    await this.release();
    this.#served = served;
    return served.info;
  }

  async #load(
    files: ModelFiles,
    source: FileSource,
    options: LoadOptions,
  ): Promise<ModelInfo> {
    options.signal?.throwIfAborted();
    this.#source = undefined;
    const loaded = await this.#open(files, source, options);
    const { memoryBudgetBytes, weightBits, contextTokens, hubUrl } = options;
    this.#source = {
      source,
      options: { memoryBudgetBytes, weightBits, contextTokens, hubUrl },
    };
    return loaded.info();
  }

  /**
   * The model on a working device. If the device was lost or failed, the model is loaded again, and KV is
   * restored from the store or recomputed. If that fails, the next call tries again.
   *
   * @throws Error if no model was loaded, or one on a server; as loading does
   */
  async recovered(): Promise<LoadedModel> {
    if (this.sound) return this.sound;
    this.assertLoaded();
    if (this.#source === undefined)
      throw new Error(
        "This needs a model that runs on this device: the one that is loaded runs on a server, which keeps its KV itself.",
      );
    const { source, options } = this.#source;
    return this.#open(await this.#fetch(source, options), source, options);
  }

  /** Releases all GPU memory. Chats stay: their KV is restored or recomputed when needed. */
  async release(): Promise<void> {
    this.#served = undefined;
    const loaded = this.#loaded;
    if (!loaded) return;
    this.#loaded = undefined;
    if (loaded.gpu.isSound) await this.#options.packed();
    loaded.destroy();
  }

  async #open(
    files: ModelFiles,
    source: FileSource,
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
function urlOf(source: FileSource): string {
  return typeof source === "string" ? source : deviceId(source);
}
