/**
 * Downloads a model of the hub to this device: lists the repository, chooses the files, fetches what is missing.
 * If the repository changes meanwhile, it starts over, and never mixes two versions.
 */
import { askToPersist, freeBytes } from "../../store/disk-space";
import type { ModelFileStore, ModelRecord } from "../../store/model-store";
import { bytesInWords } from "../../util/bytes-in-words";
import { StoreError } from "../../util/errors";
import type { Hub } from "./hub";
import { chooseFiles } from "./hub-files";
import type { HubName } from "./hub-name";
import {
  differs,
  isComplete,
  missingBytes,
  recordOf,
  totalBytes,
} from "./model-chunks";
import {
  ModelDownload,
  UnlistedContentError,
  withFile,
} from "./model-download";
import { othersInWords } from "./other-models";
import { type RetryPolicy, withRetries, DEFAULT_RETRY_POLICY } from "./retry";

export interface FetchOptions {
  /** Called with the bytes on this device, of all; about ten times a second. */
  onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  retryPolicy?: RetryPolicy | undefined;
  /** Size of chunks of a model that is new here. */
  chunkBytes?: number | undefined;
}

/** How often to start over when a repository changes during the download. */
const MOST_LISTINGS = 4;
const PROGRESS_MS = 100;

/**
 * The record of the model, with all its files on this device.
 *
 * @throws ModelFetchError; StoreError `quota` if there is no room; the signal's reason. Finished chunks stay
 */
export async function fetchModel(
  hub: Hub,
  store: ModelFileStore,
  name: HubName,
  options: FetchOptions = {},
): Promise<ModelRecord> {
  const { signal, retryPolicy = DEFAULT_RETRY_POLICY, chunkBytes } = options;
  const wrongPaths = new Set<string>();
  for (let listings = 1; ; listings++) {
    const files = await withRetries(
      () => hub.list(name.repository, signal),
      retryPolicy,
      signal,
    );
    const chosen = chooseFiles(name, files);
    const before = await store.get(chosen.id);
    // Chunks without a record can't be used.
    if (before === undefined) await store.delete(chosen.id);
    const kept = await store.chunks(chosen.id);
    const record = recordOf(chosen, name.repository, before, kept, chunkBytes);
    const isNew = before === undefined || differs(before, record);
    if (!isNew && isComplete(record, kept)) return record;
    await keepingRoom(store, record, () => store.put(record));
    try {
      const hasMixedCommits = await download(hub, store, record, options);
      // What came before the change has the same content, or is fetched again.
      if (!hasMixedCommits || listings >= MOST_LISTINGS)
        return (await store.get(record.id)) ?? record;
    } catch (error) {
      if (!(error instanceof UnlistedContentError)) throw error;
      const { path, kind } = error;
      await store.change(record.id, (record) =>
        withFile(record, path, { etag: undefined, isChecked: false }),
      );
      await store.deleteFile(record.id, path);
      if (kind === "wrong" && wrongPaths.has(path)) throw error;
      if (kind === "wrong") wrongPaths.add(path);
      if (listings >= MOST_LISTINGS) throw error;
    }
  }
}

/** Fetches what is missing. @returns whether the repository changed meanwhile */
async function download(
  hub: Hub,
  store: ModelFileStore,
  record: ModelRecord,
  { onProgress, signal, retryPolicy }: FetchOptions,
): Promise<boolean> {
  const kept = await store.chunks(record.id);
  const missing = missingBytes(record, kept);
  const free = missing > 0 ? await freeBytes() : undefined;
  if (free !== undefined && free < missing)
    throw await noRoom(store, record, free);
  // Some browsers ask the user, which may take a while.
  if (missing > 0) void askToPersist();

  const total = totalBytes(record);
  let loaded = total - missing;
  let toldMs = -Infinity;
  const tell = () => {
    toldMs = performance.now();
    onProgress?.(loaded, total);
  };
  tell();
  const downloading = new ModelDownload(hub, store, record, {
    retryPolicy,
    onBytes(bytes) {
      loaded += bytes;
      if (performance.now() - toldMs >= PROGRESS_MS) tell();
    },
  });
  await keepingRoom(store, record, () => downloading.run(signal));
  tell();
  return downloading.hasMixedCommits;
}

/**
 * If the disk is full, deletes the last chunk again, so that chats still have room: a model that can't be
 * completed is useless.
 */
async function keepingRoom(
  store: ModelFileStore,
  record: ModelRecord,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof StoreError && error.reason === "quota")) throw error;
    const full = await noRoom(store, record, undefined, error);
    const last = (await store.chunks(record.id)).at(-1);
    if (last !== undefined)
      await store.deleteChunk(last).catch(() => undefined);
    throw full;
  }
}

async function noRoom(
  store: ModelFileStore,
  record: ModelRecord,
  free: number | undefined,
  cause?: unknown,
): Promise<StoreError> {
  const missing = missingBytes(record, await store.chunks(record.id));
  const others = await othersInWords(store, record.id);
  const room =
    free === undefined
      ? "there is no room left for this site"
      : `there is room for only ${bytesInWords(Math.max(0, free))}`;
  const what =
    others === ""
      ? "Free space on the disk"
      : `Delete models that you don't need (${others}), or free space on the disk`;
  return new StoreError(
    "quota",
    `${record.id} takes ${bytesInWords(totalBytes(record))} on this device. ${bytesInWords(missing)} remain to be downloaded, and ${room}. ${what}, then load it again: the download will resume.`,
    { cause },
  );
}
