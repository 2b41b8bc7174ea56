/**
 * Stores files of the user like those of a model of the hub: in chunks with checksums, and with a SHA-256 of what
 * was read. One chunk is in memory at a time. A page that ends midway leaves its chunks, and the same files
 * continue there; anything else that stops it leaves nothing.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { freeBytes } from "../../store/disk-space";
import type {
  ModelFileRecord,
  ModelFileStore,
  ModelRecord,
} from "../../store/model-store";
import { bytesInWords } from "../../util/bytes-in-words";
import { ModelFetchError, StoreError } from "../../util/errors";
import { localFiles, pathOf } from "../files/local-files";
import { reasonOf } from "../files/model-files";
import { deviceId, deviceName } from "./device-name";
import {
  chunkCount,
  chunkRange,
  isComplete,
  missingBytes,
  missingChunks,
  totalBytes,
} from "./model-chunks";
import { othersInWords } from "./other-models";

export interface KeepOptions {
  /** Called with the bytes on this device, of all; after each chunk. */
  onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  chunkBytes?: number | undefined;
}

const CHUNK_BYTES = 8 << 20;

/**
 * @throws StoreError `quota` if there is no room, `missing` if it was deleted meanwhile; ModelFetchError if these are
 *   no model's files, or can't be read; the signal's reason
 */
export async function keepFiles(
  store: ModelFileStore,
  files: readonly File[],
  { onProgress, signal, chunkBytes = CHUNK_BYTES }: KeepOptions = {},
): Promise<ModelRecord> {
  const id = deviceId(files);
  const before = await store.get(id);
  const record = recordOf(files, before?.chunkBytes ?? chunkBytes);
  const stored = await store.chunks(id);
  if (before && isSame(before, record) && isComplete(before, stored))
    return before;
  const free = await freeBytes();
  const missing = missingBytes(record, stored);
  if (free !== undefined && free < missing)
    throw await noRoom(store, record, free);
  try {
    await store.put(record);
    await copy(store, record, files, { onProgress, signal });
    return (await store.get(id)) ?? record;
  } catch (error) {
    // A part of it is of no use, and chats may need the room.
    await store.delete(id).catch(() => undefined);
    if (error instanceof StoreError && error.reason === "quota")
      throw await noRoom(store, record, undefined, error);
    throw error;
  }
}

async function copy(
  store: ModelFileStore,
  record: ModelRecord,
  files: readonly File[],
  { onProgress, signal }: KeepOptions,
): Promise<void> {
  const total = totalBytes(record);
  const lacking = new Set(
    missingChunks(record, await store.chunks(record.id)).map(
      ({ path, index }) => `${index} ${path}`,
    ),
  );
  let loaded = 0;
  onProgress?.(loaded, total);
  for (const [at, file] of record.files.entries()) {
    const hash = sha256.create();
    const { path, version } = file;
    for (let index = 0; index < chunkCount(file, record.chunkBytes); index++) {
      signal?.throwIfAborted();
      const { start, end } = chunkRange(file, index, record.chunkBytes);
      const bytes = await readBytes(path, files[at]!.slice(start, end));
      hash.update(bytes);
      if (lacking.has(`${index} ${path}`))
        await store.putChunk({ id: record.id, path, version, index }, bytes);
      loaded += bytes.length;
      onProgress?.(loaded, total);
    }
    const digest = bytesToHex(hash.digest());
    await store.change(record.id, (kept) => ({
      ...kept,
      files: kept.files.map((one) =>
        one.path === path ? { ...one, sha256: digest, isChecked: true } : one,
      ),
    }));
  }
}

function recordOf(files: readonly File[], chunkBytes: number): ModelRecord {
  const { name, gguf } = localFiles(files);
  return {
    id: deviceId(files),
    repository: name,
    isDefault: false,
    gguf,
    chunkBytes,
    files: files.map((file): ModelFileRecord => ({
      path: pathOf(file),
      bytes: file.size,
      // A changed file has another date.
      version: String(file.lastModified),
      isChecked: false,
    })),
    usedMs: Date.now(),
  };
}

/** Whether both are of the same files. */
function isSame(a: ModelRecord, b: ModelRecord): boolean {
  const contents = ({ files }: ModelRecord) =>
    files.map(({ path, bytes, version }) => [path, bytes, version]).toString();
  return contents(a) === contents(b);
}

async function readBytes(
  path: string,
  slice: Blob,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await slice.arrayBuffer());
  } catch (cause) {
    throw new ModelFetchError(
      `${path} can no longer be read (${reasonOf(cause)}): it was changed or moved. Choose it again.`,
      { cause },
    );
  }
}

async function noRoom(
  store: ModelFileStore,
  record: ModelRecord,
  free: number | undefined,
  cause?: unknown,
): Promise<StoreError> {
  const room =
    free === undefined
      ? "there is no room left for this site"
      : `there is room for only ${bytesInWords(Math.max(0, free))}`;
  const others = await othersInWords(store, record.id);
  const what =
    others === ""
      ? "free space on the disk"
      : `delete models that you don't need (${others}), or free space on the disk`;
  return new StoreError(
    "quota",
    `${deviceName(record.id)} takes ${bytesInWords(totalBytes(record))} on this device, and ${room}. It works until this page is closed. To keep it, ${what}.`,
    { cause },
  );
}
