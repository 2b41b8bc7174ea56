/** A model's files on this device, read from their chunks. */
import type {
  ModelFileRecord,
  ModelFileStore,
  ModelRecord,
} from "../../store/model-store";
import { ModelFetchError } from "../../util/errors";
import { deviceName } from "./device-name";
import { chunkCount, chunkRange } from "./model-chunks";
import type { ByteRange, ModelFiles } from "../files/model-files";

/** @param record of a complete model */
export function storedFiles(
  store: ModelFileStore,
  record: ModelRecord,
): ModelFiles {
  const fileOf = (path: string) =>
    record.files.find((file) => file.path === path);
  return {
    name: record.repository,
    gguf: record.gguf,

    async text(path, signal) {
      const file = fileOf(path);
      if (file === undefined) return undefined;
      const decoder = new TextDecoder();
      let text = "";
      const range = { start: 0, end: file.bytes };
      for await (const bytes of read(store, record, file, range, signal))
        text += decoder.decode(bytes, { stream: true });
      return text + decoder.decode();
    },

    async open(path, range, signal) {
      const file = fileOf(path);
      if (file === undefined) return undefined;
      return {
        fileBytes: file.bytes,
        chunks: read(store, record, file, range, signal),
      };
    },
  };
}

/** The bytes of a range, chunk by chunk; each is read while the one before it is used. */
async function* read(
  store: ModelFileStore,
  { id, chunkBytes }: ModelRecord,
  file: ModelFileRecord,
  { start, end }: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { path, version } = file;
  const first = Math.floor(start / chunkBytes);
  const behind = Math.min(
    Math.ceil(end / chunkBytes),
    chunkCount(file, chunkBytes),
  );
  const readChunk = (index: number) => {
    const reading = store.readChunk({ id, path, version, index });
    // Leaving the loop early does not wait for it.
    reading.catch(() => undefined);
    return reading;
  };
  let next = first < behind ? readChunk(first) : undefined;
  for (let index = first; index < behind; index++) {
    signal?.throwIfAborted();
    const bytes = await next;
    const chunk = chunkRange(file, index, chunkBytes);
    if (bytes?.length !== chunk.end - chunk.start) {
      throw new ModelFetchError(
        `A part of ${path} of ${id} is damaged on this device, or was deleted. ${deviceName(id) === undefined ? "Load the model again to download that part again" : "Choose the file again to use the model"}.`,
      );
    }
    if (index + 1 < behind) next = readChunk(index + 1);
    yield bytes.subarray(
      Math.max(0, start - chunk.start),
      Math.min(bytes.length, end - chunk.start),
    );
  }
}
