/**
 * A model of the hub, from its name to files on this device: lists the repository, chooses the files,
 * brings what is missing; and begins anew with what turns out to be another version, never mixing two.
 */
import { askToPersist, freeBytes } from "../../store/disk-space";
import type { ModelKeeping, ModelRecord } from "../../store/model-store";
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
import { type Patience, patiently, PATIENT } from "./retry";

export interface FetchOptions {
  /** Bytes that are here, of all; about ten times a second. */
  onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  patience?: Patience | undefined;
  /** Of chunks of a model that is new here. */
  chunkBytes?: number | undefined;
}

/** How often a repository that changes while it is fetched is listed anew. */
const MOST_LISTINGS = 4;
const PROGRESS_MS = 100;

/**
 * The record of the model, all of whose files are here then.
 *
 * @throws ModelFetchError; StoreError `quota` where there is no room; the signal's reason: what came until
 *   then stays
 */
export async function fetchModel(
  hub: Hub,
  store: ModelKeeping,
  name: HubName,
  options: FetchOptions = {},
): Promise<ModelRecord> {
  const { signal, patience = PATIENT, chunkBytes } = options;
  const wrongPaths = new Set<string>();
  for (let listings = 1; ; listings++) {
    const files = await patiently(
      () => hub.list(name.repository, signal),
      patience,
      signal,
    );
    const chosen = chooseFiles(name, files);
    const before = await store.get(chosen.id);
    // Chunks without a record are of nobody knows what.
    if (before === undefined) await store.delete(chosen.id);
    const kept = await store.chunks(chosen.id);
    const record = recordOf(chosen, name.repository, before, kept, chunkBytes);
    const isNew = before === undefined || differs(before, record);
    if (!isNew && isComplete(record, kept)) return record;
    await keepingRoom(store, record, () => store.put(record));
    try {
      const hasMixedCommits = await download(hub, store, record, options);
      // What came before the change is of the same content, or is fetched again.
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

/** Brings what is missing. Whether the repository changed meanwhile. */
async function download(
  hub: Hub,
  store: ModelKeeping,
  record: ModelRecord,
  { onProgress, signal, patience }: FetchOptions,
): Promise<boolean> {
  const kept = await store.chunks(record.id);
  const missing = missingBytes(record, kept);
  const free = missing > 0 ? await freeBytes() : undefined;
  if (free !== undefined && free < missing)
    throw await noRoom(store, record, free);
  // Some browsers ask the person, who may take a while to answer.
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
    patience,
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
 * Where the disk is full, the last chunk that came makes way again: what is said in chats must find room,
 * and a model that can't be completed is of no use.
 */
async function keepingRoom(
  store: ModelKeeping,
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
  store: ModelKeeping,
  record: ModelRecord,
  free: number | undefined,
  cause?: unknown,
): Promise<StoreError> {
  const missing = missingBytes(record, await store.chunks(record.id));
  const others: string[] = [];
  for (const other of await store.list()) {
    if (other.id === record.id) continue;
    const bytes =
      totalBytes(other) - missingBytes(other, await store.chunks(other.id));
    if (bytes > 0) others.push(`${other.id} (${inWords(bytes)})`);
  }
  const room =
    free === undefined
      ? "there is no room left for this site"
      : `there is room for only ${inWords(Math.max(0, free))}`;
  const what =
    others.length === 0
      ? "Free space on the disk"
      : `Delete models that you don't need (${others.join(", ")}), or free space on the disk`;
  return new StoreError(
    "quota",
    `${record.id} takes ${inWords(totalBytes(record))} on this device. ${inWords(missing)} remain to be downloaded, and ${room}. ${what}, then load it again: the download will resume.`,
    { cause },
  );
}

/** As people read sizes: "1.2 GB". */
function inWords(bytes: number): string {
  const mega = bytes / 1e6;
  if (mega >= 1000) return `${(mega / 1000).toFixed(1)} GB`;
  return mega >= 10 ? `${Math.round(mega)} MB` : `${mega.toFixed(1)} MB`;
}
