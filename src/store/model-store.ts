/**
 * Files of models, in the store `weights`: a record for each model, and its files in chunks.
 *
 *     ["model", id]                                  ModelRecord: the files, and what is known of them
 *     ["chunk", id, path, version, index]            ModelChunk: one Blob and its checksum
 *
 * The keys alone say which chunks exist, and a chunk is written whole or not at all: a crash at any byte leaves
 * the chunks before it. A file's version is part of its chunks' keys, so that two versions are never mixed.
 *
 * Nothing of a chat is evicted for a model.
 */
import { blobBytes } from "../util/blob-bytes";
import * as v from "valibot";
import { crc32c } from "../util/crc32c";
import { StoreError } from "../util/errors";
import type { Database } from "./database";
import { checkedRecord, timeMs, wholeNumber } from "./foreign";

/** One file of a model. */
export interface ModelFileRecord {
  /** In the repository, such as "model.safetensors". */
  path: string;
  bytes: number;
  /** Identifies this content on the hub. */
  version: string;
  /** SHA-256 of the content, if the hub tells. */
  sha256?: string | undefined;
  /** The server's ETag when the first chunk came. */
  etag?: string | undefined;
  /** Whether the file is complete and its hash was checked. */
  isChecked: boolean;
}

export interface ModelRecord {
  /** The name by which users request the model: "org/name", or "org/name/file.gguf". */
  id: string;
  /** "org/name" */
  repository: string;
  /** Whether the repository's name alone means this model. */
  isDefault: boolean;
  /** The GGUF file that holds the weights. */
  gguf?: string | undefined;
  /** Size of every chunk but a file's last. */
  chunkBytes: number;
  files: ModelFileRecord[];
  usedMs: number;
}

/** The key of a chunk. */
export interface ChunkPlace {
  id: string;
  path: string;
  version: string;
  index: number;
}

interface ModelChunk {
  blob: Blob;
  checksum: number;
}

const recordSchema: v.GenericSchema<unknown, ModelRecord> = v.object({
  id: v.string(),
  repository: v.string(),
  isDefault: v.boolean(),
  gguf: v.optional(v.string()),
  chunkBytes: v.pipe(wholeNumber, v.minValue(1)),
  files: v.array(
    v.object({
      path: v.string(),
      bytes: wholeNumber,
      version: v.string(),
      sha256: v.optional(v.string()),
      etag: v.optional(v.string()),
      isChecked: v.boolean(),
    }),
  ),
  usedMs: timeMs,
});

const chunkSchema: v.GenericSchema<unknown, ModelChunk> = v.object({
  blob: v.instance(Blob),
  checksum: wholeNumber,
});

const keySchema = v.tuple([
  v.literal("chunk"),
  v.string(),
  v.string(),
  v.string(),
  wholeNumber,
]);

export class ModelStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All models stored here, partly or completely. @throws StoreError */
  async list(): Promise<ModelRecord[]> {
    const values = await this.#database.run(
      "list the saved models",
      ["weights"],
      "readonly",
      (transaction) =>
        transaction.objectStore("weights").getAll(keysBehind("model")),
    );
    return values
      .map((value) => checkedRecord(recordSchema, value))
      .filter((record) => record !== undefined);
  }

  /** @throws StoreError */
  async get(id: string): Promise<ModelRecord | undefined> {
    const value = await this.#database.run(
      "list the saved models",
      ["weights"],
      "readonly",
      (transaction) => transaction.objectStore("weights").get(["model", id]),
    );
    return checkedRecord(recordSchema, value);
  }

  /**
   * Adds or replaces a model's record, and deletes chunks of files and versions that it does not name, in one
   * transaction.
   *
   * @throws StoreError
   */
  async put(record: ModelRecord): Promise<void> {
    const versions = new Map(
      record.files.map(({ path, version }) => [path, version]),
    );
    await this.#database.run(
      "save a model's record",
      ["weights"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("weights");
        const places = placesOf(
          await store.getAllKeys(keysBehind("chunk", record.id)),
        );
        const left = places.filter(
          ({ path, version }) => versions.get(path) !== version,
        );
        await Promise.all(left.map((place) => store.delete(keyOf(place))));
        await store.put(record, ["model", record.id]);
      },
    );
  }

  /**
   * Changes a model's record if it still exists.
   *
   * @throws StoreError
   */
  async change(
    id: string,
    change: (record: ModelRecord) => ModelRecord,
  ): Promise<void> {
    await this.#database.run(
      "save a model's record",
      ["weights"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("weights");
        const value = await store.get(["model", id]);
        const record = checkedRecord(recordSchema, value);
        if (record !== undefined)
          await store.put(change(record), ["model", id]);
      },
    );
  }

  /** Deletes a model with all its chunks. @throws StoreError */
  async delete(id: string): Promise<void> {
    await this.#database.run(
      "delete a model",
      ["weights"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("weights");
        await store.delete(["model", id]);
        await store.delete(keysBehind("chunk", id));
      },
    );
  }

  /** The stored chunks of a model. @throws StoreError */
  async chunks(id: string): Promise<ChunkPlace[]> {
    const keys = await this.#database.run(
      "list the saved models",
      ["weights"],
      "readonly",
      (transaction) =>
        transaction.objectStore("weights").getAllKeys(keysBehind("chunk", id)),
    );
    return placesOf(keys);
  }

  /**
   * @throws StoreError `missing` if the model is gone or expects another version of the file, `quota` if there is
   *   no room
   */
  async putChunk(
    place: ChunkPlace,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const chunk: ModelChunk = {
      blob: new Blob([bytes]),
      checksum: crc32c(bytes),
    };
    await this.#database.run(
      "save a part of a model",
      ["weights"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("weights");
        const value = await store.get(["model", place.id]);
        const record = checkedRecord(recordSchema, value);
        const isWanted = record?.files.some(
          ({ path, version }) =>
            path === place.path && version === place.version,
        );
        if (!isWanted) {
          throw new StoreError(
            "missing",
            `Could not save a part of ${place.id}: the model was deleted, perhaps in another tab. Load it again to download it again.`,
          );
        }
        await store.put(chunk, keyOf(place));
      },
    );
  }

  /**
   * A chunk's bytes; undefined if there is none. One that is torn, or whose file the browser lost, is deleted and
   * counts as missing.
   *
   * @throws StoreError
   */
  async readChunk(
    place: ChunkPlace,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const value = await this.#database.run(
      "read a part of a model",
      ["weights"],
      "readonly",
      (transaction) => transaction.objectStore("weights").get(keyOf(place)),
    );
    if (value === undefined) return undefined;
    const chunk = checkedRecord(chunkSchema, value);
    const bytes = chunk && (await blobBytes(chunk.blob));
    if (bytes !== undefined && crc32c(bytes) === chunk?.checksum) return bytes;
    await this.deleteChunk(place);
    return undefined;
  }

  /** @throws StoreError */
  async deleteChunk(place: ChunkPlace): Promise<void> {
    await this.#database.run(
      "delete a part of a model",
      ["weights"],
      "readwrite",
      (transaction) => transaction.objectStore("weights").delete(keyOf(place)),
    );
  }

  /** Deletes all chunks of a file. @throws StoreError */
  async deleteFile(id: string, path: string): Promise<void> {
    await this.#database.run(
      "delete a part of a model",
      ["weights"],
      "readwrite",
      (transaction) =>
        transaction
          .objectStore("weights")
          .delete(keysBehind("chunk", id, path)),
    );
  }
}

/** The part of the store that downloads and readers need: tests have one in memory. */
export type ModelFileStore = Pick<ModelStore, keyof ModelStore>;

function keyOf({ id, path, version, index }: ChunkPlace): IDBValidKey {
  return ["chunk", id, path, version, index];
}

function placesOf(keys: readonly IDBValidKey[]): ChunkPlace[] {
  return keys
    .map((key) => checkedRecord(keySchema, key))
    .filter((key) => key !== undefined)
    .map(([, id, path, version, index]) => ({ id, path, version, index }));
}

/** All keys with this prefix. An array sorts after every string and number, so [] ends the range. */
function keysBehind(...prefix: string[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}
