/** A model's files chosen by the user: a GGUF file, all parts of one, or the files of a folder. */
import { ModelFetchError } from "../../util/errors";
import { firstGgufPart, ggufParts, ggufStem } from "./gguf-parts";
import { type ByteRange, type ModelFiles, reasonOf } from "./model-files";

const PIECE_BYTES = 4 << 20;

/** @throws ModelFetchError if these are not the files of one model */
export function localFiles(files: readonly File[]): ModelFiles {
  const byPath = new Map(files.map((file) => [pathOf(file), file]));
  const paths = [...byPath.keys()].filter((path) => path.endsWith(".gguf"));
  const ggufs = [...new Set(paths.map(firstGgufPart))];
  const isFolder = byPath.has("config.json");
  if (!isFolder && ggufs.length !== 1) {
    const found = [...byPath.keys()].slice(0, 4).join(", ") || "nothing";
    throw new ModelFetchError(
      ggufs.length > 1
        ? `These files are of several models (${ggufs.join(", ")}). Choose one, with all its parts.`
        : `These files (${found}) are not a model. Choose a .gguf file, or the folder with config.json, tokenizer.json and model.safetensors.`,
    );
  }
  const gguf = isFolder ? undefined : ggufs[0];
  const parts = gguf === undefined ? [] : ggufParts(gguf);
  const missing = parts.filter((path) => !byPath.has(path));
  if (missing.length > 0)
    throw new ModelFetchError(
      `These files lack ${missing.join(", ")}. Choose all parts of the model at once.`,
    );
  const folder = files[0]?.webkitRelativePath?.split("/")[0];
  return {
    name: gguf === undefined ? folder || "a folder" : ggufStem(gguf),
    gguf,

    async text(path) {
      const file = byPath.get(path);
      return file && readable(path, file.text());
    },

    async open(path, range, signal) {
      const file = byPath.get(path);
      if (file === undefined) return undefined;
      return { fileBytes: file.size, chunks: read(path, file, range, signal) };
    },
  };
}

async function* read(
  path: string,
  file: File,
  { start, end }: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const behind = Math.min(end, file.size);
  for (let at = start; at < behind; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = file.slice(at, Math.min(at + PIECE_BYTES, behind));
    yield new Uint8Array(await readable(path, piece.arrayBuffer()));
  }
}

async function readable<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw new ModelFetchError(
      `${path} can no longer be read (${reasonOf(cause)}): it was changed or moved. Choose it again.`,
      { cause },
    );
  }
}

/** Path within its folder. */
export function pathOf(file: File): string {
  const inFolder = file.webkitRelativePath ?? "";
  return inFolder === ""
    ? file.name
    : inFolder.slice(inFolder.indexOf("/") + 1);
}
