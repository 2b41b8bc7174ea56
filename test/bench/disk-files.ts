/** A model's folder on disk, or a GGUF file in one, for Node. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ModelFiles } from "../../src/model/files/model-files";

const CHUNK_BYTES = 1 << 20;

export function diskFiles(place: string): ModelFiles {
  const gguf = place.endsWith(".gguf") ? basename(place) : undefined;
  const folder = gguf === undefined ? place : dirname(place);
  return {
    name: basename(place, ".gguf"),
    gguf,

    async text(file, signal) {
      signal?.throwIfAborted();
      const path = join(folder, file);
      return orUndefined(readFile(path, { encoding: "utf8", signal }));
    },

    async open(file, { start, end }, signal) {
      const path = join(folder, file);
      const stats = await orUndefined(stat(path));
      if (!stats) return undefined;
      const fileBytes = stats.size;
      const last = Math.min(end, fileBytes) - 1;
      const options = { start, end: last, highWaterMark: CHUNK_BYTES, signal };
      return {
        fileBytes,
        chunks: (async function* () {
          if (start > last) return;
          yield* createReadStream(path, options) as AsyncIterable<Uint8Array>;
        })(),
      };
    },
  };
}

/** What the promise resolves to; undefined when there is no such file. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
