/** Where models come from, and which of them are on this device. */
import { fetchedFiles, type ModelFiles } from "../model/model-files";
import type {
  KeptModel,
  LoadOptions,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "./chat-engine";

export class ModelLibrary {
  readonly #openFolder: (url: string) => ModelFiles;

  /** @param openFolder how the folder at an address is read */
  constructor(openFolder: (url: string) => ModelFiles = fetchedFiles) {
    this.#openFolder = openFolder;
  }

  /**
   * A model's files, ready to be loaded: those of the hub are on this device then.
   *
   * @throws ModelFetchError, ModelFormatError, StoreError; the signal's reason
   */
  async open(
    source: ModelSource,
    _options: LoadOptions = {},
  ): Promise<ModelFiles> {
    if (typeof source !== "string") throw new RangeError("files");
    return this.#openFolder(source);
  }

  /** @throws ModelFetchError, ModelFormatError; the signal's reason */
  async plan(_source: ModelSource, _options?: PlanOptions): Promise<ModelPlan> {
    throw new RangeError("plan");
  }

  async list(): Promise<KeptModel[]> {
    return [];
  }

  async delete(_id: string): Promise<void> {}
}
