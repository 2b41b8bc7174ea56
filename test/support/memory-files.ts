/** A model's folder in memory: texts and bytes by file name, and a record of what was asked for. */
import type { ByteRange, ModelFiles } from "../../src/model/files/model-files";

export interface MemoryFiles extends ModelFiles {
  /** Ranges asked for, in order. */
  opened: { file: string; range: ByteRange }[];
}

/**
 * @param contents JSON values, texts or bytes by name
 * @param chunkBytes how the bytes are cut into chunks
 */
export function memoryFiles(
  contents: Record<string, unknown>,
  chunkBytes = 1000,
): MemoryFiles {
  const opened: MemoryFiles["opened"] = [];
  const bytesOf = (file: string): Uint8Array | undefined => {
    if (!Object.hasOwn(contents, file)) return undefined;
    const content = contents[file];
    if (content instanceof Uint8Array) return content;
    const isText = typeof content === "string";
    return new TextEncoder().encode(isText ? content : JSON.stringify(content));
  };

  return {
    name: "memory",
    opened,
    async text(file, signal) {
      signal?.throwIfAborted();
      const bytes = bytesOf(file);
      return bytes && new TextDecoder().decode(bytes);
    },
    async open(file, range, signal) {
      signal?.throwIfAborted();
      const bytes = bytesOf(file);
      if (bytes === undefined) return undefined;
      opened.push({ file, range });
      return {
        fileBytes: undefined,
        chunks: (async function* () {
          const end = Math.min(range.end, bytes.length);
          for (let at = range.start; at < end; at += chunkBytes) {
            signal?.throwIfAborted();
            yield bytes.slice(at, Math.min(end, at + chunkBytes));
          }
        })(),
      };
    },
  };
}
