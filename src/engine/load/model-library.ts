/** Finds models by their source, and manages the models stored on this device. */
import { deviceId, deviceName } from "../../model/hub/device-name";
import { type HubName, hubName } from "../../model/hub/hub-name";
import { storedFiles } from "../../model/hub/stored-files";
import { localFiles } from "../../model/files/local-files";
import {
  isComplete,
  missingBytes,
  totalBytes,
} from "../../model/hub/model-chunks";
import { fetchedFiles, type ModelFiles } from "../../model/files/model-files";
import { type RetryPolicy, DEFAULT_RETRY_POLICY } from "../../model/hub/retry";
import type { AdapterLimits } from "../../gpu/adapter-limits";
import { Database } from "../../store/database";
import {
  type ModelFileStore,
  type ModelRecord,
  ModelStore,
} from "../../store/model-store";
import { ModelFetchError, StoreError } from "../../util/errors";
import type {
  KeepOptions,
  StoredModel,
  LoadOptions,
  ModelPlan,
  FileSource,
  PlanOptions,
} from "../api/models";
import {
  type InspectedModel,
  inspectFiles,
  inspectHub,
  planOf,
} from "./plan-model";
import * as parts from "./lazy-parts";

export interface ModelLibraryOptions {
  /** How the folder or GGUF file at an address is read. Default: by fetch. */
  openFolder?: ((url: string) => ModelFiles) | undefined;
  /** The database's name. Default "rondo". */
  storeName?: string | undefined;
  /** Where files are stored. Default: in that database. */
  store?: ModelFileStore | undefined;
  /** Of the GPU that will run the models. */
  limits?: () => Promise<AdapterLimits | undefined>;
  /** Default: the platform's, if it has any. */
  locks?: LockManager | null;
  retryPolicy?: RetryPolicy;
  /** Progress of downloads. */
  chunkBytes?: number;
}

export class ModelLibrary {
  readonly #options: ModelLibraryOptions;
  readonly #openFolder: (url: string) => ModelFiles;
  readonly #name: string;
  readonly #locks: LockManager | null;
  #opening: Promise<Database> | undefined;

  constructor(options: ModelLibraryOptions = {}) {
    this.#options = options;
    this.#openFolder = options.openFolder ?? fetchedFiles;
    this.#name = options.storeName ?? "rondo";
    this.#locks =
      options.locks === undefined
        ? (globalThis.navigator?.locks ?? null)
        : options.locks;
  }

  /**
   * A model's files, ready to load: those of a hub model are downloaded first. A stored model causes no request.
   *
   * @throws ModelFetchError, ModelFormatError, StoreError; the signal's reason
   */
  async open(
    source: FileSource,
    options: LoadOptions = {},
  ): Promise<ModelFiles> {
    const isOfDevice = typeof source === "string" && deviceName(source);
    const name = typeof source === "string" ? hubName(source) : undefined;
    if (name === undefined && !isOfDevice) return this.#filesAt(source);
    const store = await this.#store();
    const record = name
      ? await this.#downloaded(store, name, options)
      : await findOwn(store, source as string);
    const usedMs = Date.now();
    // A full disk may refuse this; the list then keeps its old order.
    await store
      .change(record.id, (kept) => ({ ...kept, usedMs }))
      .catch(() => undefined);
    return storedFiles(store, record);
  }

  /**
   * What loading a model would take. For stored models this works offline, too.
   *
   * @throws ModelFetchError, ModelFormatError; the signal's reason
   */
  async plan(
    source: FileSource,
    options: PlanOptions = {},
  ): Promise<ModelPlan> {
    const inspected = await this.#inspect(source, options);
    return planOf(inspected, await this.#options.limits?.(), options);
  }

  /**
   * Stores files of the user on this device, and describes them as `list` does. One chunk is in memory at a time.
   *
   * @throws StoreError, `quota` if there is no room: nothing of it is then left; ModelFetchError; the signal's reason
   */
  async keep(
    files: readonly File[],
    { onProgress, signal }: KeepOptions = {},
  ): Promise<StoredModel> {
    const store = await this.#store();
    const { chunkBytes } = this.#options;
    const record = await this.#alone(deviceId(files), signal, () =>
      parts.keepFiles(store, files, {
        onProgress:
          onProgress &&
          ((loadedBytes, totalBytes) =>
            onProgress({ loadedBytes, totalBytes })),
        signal,
        chunkBytes,
      }),
    );
    return storedModel(store, record);
  }

  /** Models stored here, partly or completely, last used first. @throws StoreError */
  async list(): Promise<StoredModel[]> {
    let store: ModelFileStore;
    try {
      store = await this.#store();
    } catch (error) {
      // Without a usable store, no models are stored.
      if (error instanceof StoreError && error.reason === "unavailable")
        return [];
      throw error;
    }
    const models: StoredModel[] = [];
    for (const record of await store.list())
      models.push(await storedModel(store, record));
    return models.sort((a, b) => b.usedMs - a.usedMs);
  }

  /**
   * Deletes a model's files. A download of it, in any tab, ends with a StoreError `missing`; a running upload to
   * the GPU with a ModelFetchError.
   *
   * @throws StoreError
   */
  async delete(id: string): Promise<void> {
    await (await this.#store()).delete(id.trim());
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    await opening?.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  /** The record of a completely stored model; downloads it if necessary. */
  async #downloaded(
    store: ModelFileStore,
    name: HubName,
    options: LoadOptions,
  ): Promise<ModelRecord> {
    const { hubUrl, hubToken, refresh, onProgress, signal } = options;
    const before = refresh ? undefined : await findKept(store, name);
    if (before) return before;
    onProgress?.({ phase: "download", loadedBytes: 0, totalBytes: 0 });
    return this.#alone(name.repository, signal, async () => {
      // Another tab may have fetched it meanwhile.
      const meanwhile = refresh ? undefined : await findKept(store, name);
      if (meanwhile) return meanwhile;
      const hub = await parts.openHub({ url: hubUrl, token: hubToken });
      return parts.fetchModel(hub, store, name, {
        signal,
        retryPolicy: this.#options.retryPolicy,
        chunkBytes: this.#options.chunkBytes,
        onProgress: (loadedBytes, totalBytes) =>
          onProgress?.({ phase: "download", loadedBytes, totalBytes }),
      });
    });
  }

  /** Runs `action` while no other tab downloads from the repository. */
  async #alone<T>(
    repository: string,
    signal: AbortSignal | undefined,
    action: () => Promise<T>,
  ): Promise<T> {
    if (this.#locks === null) return action();
    const lock = `${this.#name}/models/${repository}`;
    const options = signal ? { signal } : {};
    return await this.#locks.request(lock, options, action);
  }

  async #inspect(
    source: FileSource,
    options: PlanOptions,
  ): Promise<InspectedModel> {
    const name = typeof source === "string" ? hubName(source) : undefined;
    if (typeof source === "string" && deviceName(source) !== undefined) {
      const store = await this.#store();
      const files = storedFiles(store, await findOwn(store, source));
      const found = inspectFiles(source, files);
      return { ...found, downloadBytes: 0 };
    }
    if (name === undefined) return inspectFiles(source, this.#filesAt(source));
    const { hubUrl, hubToken, signal } = options;
    const store = await this.#store().catch(() => undefined);
    const kept = store && (await findKept(store, name));
    const hub = await parts.openHub({ url: hubUrl, token: hubToken });
    const retryPolicy = this.#options.retryPolicy ?? DEFAULT_RETRY_POLICY;
    return inspectHub(hub, name, { store, kept, retryPolicy, signal });
  }

  /** Files at an address, or files chosen by the user. */
  #filesAt(source: FileSource): ModelFiles {
    if (typeof source !== "string") return localFiles(source);
    return this.#openFolder(source);
  }

  async #store(): Promise<ModelFileStore> {
    if (this.#options.store) return this.#options.store;
    this.#opening ??= Database.open({
      name: this.#name,
      onClosed: () => (this.#opening = undefined),
    });
    try {
      return new ModelStore(await this.#opening);
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}

async function storedModel(
  store: ModelFileStore,
  record: ModelRecord,
): Promise<StoredModel> {
  const { id, usedMs } = record;
  const total = totalBytes(record);
  const missing = missingBytes(record, await store.chunks(id));
  return { id, keptBytes: total - missing, totalBytes: total, usedMs };
}

/** The record of files of the user. @throws ModelFetchError if they are not all on this device */
async function findOwn(
  store: ModelFileStore,
  id: string,
): Promise<ModelRecord> {
  const record = await store.get(id);
  if (record && isComplete(record, await store.chunks(id))) return record;
  throw new ModelFetchError(
    `${deviceName(id)} is not on this device${record ? " as a whole" : ""}. Choose the file again.`,
  );
}

/** The stored model of this name, if it is complete. */
async function findKept(
  store: ModelFileStore,
  { repository, file }: HubName,
): Promise<ModelRecord | undefined> {
  const id = file === undefined ? repository : `${repository}/${file}`;
  const named = (await store.list())
    .filter(
      (record) =>
        record.id === id ||
        (file === undefined &&
          record.isDefault &&
          record.repository === repository),
    )
    .sort((a, b) => b.usedMs - a.usedMs);
  for (const record of named)
    if (isComplete(record, await store.chunks(record.id))) return record;
  return undefined;
}
