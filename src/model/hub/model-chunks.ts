/** Divides a model's files into chunks, and finds the missing ones. Pure functions over records. */
import type {
  ChunkPlace,
  ModelFileRecord,
  ModelRecord,
} from "../../store/model-store";
import type { ChosenFiles } from "./hub-files";
import type { ByteRange } from "../files/model-files";

/** Large enough for disks, small enough to lose. */
const CHUNK_BYTES = 8 << 20;

export function chunkCount(
  { bytes }: ModelFileRecord,
  chunkBytes: number,
): number {
  return Math.ceil(bytes / chunkBytes);
}

/** The byte range of a chunk in its file. */
export function chunkRange(
  { bytes }: ModelFileRecord,
  index: number,
  chunkBytes: number,
): ByteRange {
  const start = index * chunkBytes;
  return { start, end: Math.min(start + chunkBytes, bytes) };
}

/** The chunks to fetch, in the order of the files. */
export function missingChunks(
  { id, files, chunkBytes }: ModelRecord,
  kept: readonly ChunkPlace[],
): ChunkPlace[] {
  const names = new Set(kept.map(nameOf));
  return files.flatMap((file) =>
    Array.from({ length: chunkCount(file, chunkBytes) }, (_, index) => ({
      id,
      path: file.path,
      version: file.version,
      index,
    })).filter((place) => !names.has(nameOf(place))),
  );
}

export function isComplete(
  record: ModelRecord,
  kept: readonly ChunkPlace[],
): boolean {
  return (
    record.files.every(({ isChecked }) => isChecked) &&
    missingChunks(record, kept).length === 0
  );
}

export function totalBytes({ files }: ModelRecord): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function missingBytes(
  record: ModelRecord,
  kept: readonly ChunkPlace[],
): number {
  const files = new Map(record.files.map((file) => [file.path, file]));
  return missingChunks(record, kept).reduce((sum, { path, index }) => {
    const { start, end } = chunkRange(
      files.get(path)!,
      index,
      record.chunkBytes,
    );
    return sum + end - start;
  }, 0);
}

/**
 * The record of the files as the hub has them now. What was known before stays valid for files with the same
 * content; chunks keep their size, so that stored ones can be used.
 *
 * @param kept stored chunks; a file that lacks some is checked again once it is complete
 */
export function recordOf(
  { id, isDefault, gguf, files }: ChosenFiles,
  repository: string,
  before: ModelRecord | undefined,
  kept: readonly ChunkPlace[],
  chunkBytes = CHUNK_BYTES,
): ModelRecord {
  const known = new Map(before?.files.map((file) => [file.path, file]));
  const record: ModelRecord = {
    id,
    repository,
    isDefault,
    gguf,
    chunkBytes: before?.chunkBytes ?? chunkBytes,
    files: files.map(({ path, bytes, version, sha256 }) => {
      const old = known.get(path);
      const isSame = old?.version === version && old.bytes === bytes;
      return {
        path,
        bytes,
        version,
        sha256,
        etag: isSame ? old.etag : undefined,
        isChecked: isSame && old.isChecked,
      };
    }),
    usedMs: before?.usedMs ?? 0,
  };
  const torn = new Set(missingChunks(record, kept).map(({ path }) => path));
  for (const file of record.files)
    if (torn.has(file.path)) file.isChecked = false;
  return record;
}

/** Whether the hub has other content than the record. */
export function differs(a: ModelRecord, b: ModelRecord): boolean {
  const contents = ({ files }: ModelRecord) =>
    files
      .map(({ path, bytes, version }) => `${path} ${bytes} ${version}`)
      .toSorted()
      .join("\n");
  return contents(a) !== contents(b);
}

function nameOf({ path, version, index }: ChunkPlace): string {
  return `${index} ${version} ${path}`;
}
