/**
 * Hashes a model's files and tensors while they are loaded: nothing is read twice, and the hashes cover every
 * byte that the model uses.
 */
import { sha256 } from "../../util/hash";
import type { Checkpoint } from "./checkpoint";
import type { ModelFiles } from "../files/model-files";

export interface HashedFiles {
  /** The same files. */
  files: ModelFiles;
  /** SHA-256 of the texts read so far, by file name. */
  hashes: () => Promise<Record<string, string>>;
}

/** Hashes each text that is read through it. */
export function hashedTexts(files: ModelFiles): HashedFiles {
  const hashes = new Map<string, Promise<string>>();
  return {
    files: {
      name: files.name,
      gguf: files.gguf,
      async text(file, signal) {
        const text = await files.text(file, signal);
        if (text !== undefined) hashes.set(file, sha256(text));
        return text;
      },
      open: (file, range, signal) => files.open(file, range, signal),
    },
    hashes: async () => {
      const entries = [...hashes].map(
        async ([file, hash]) => [file, await hash] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}

export interface HashedCheckpoint {
  /** The same tensors. */
  checkpoint: Checkpoint;
  /**
   * SHA-256 of all tensors: names, types, shapes and values, wherever in which file they lie.
   *
   * @throws RangeError before all of them have been read
   */
  hash: () => Promise<string>;
}

/**
 * Hashes each piece of the tensors while the next one is read. SHA-256 of the whole would need all of it in one
 * call; a hash of the pieces' hashes is as good, and needs only one piece in memory.
 */
export function hashedCheckpoint(checkpoint: Checkpoint): HashedCheckpoint {
  let pieces: string[] | undefined;
  return {
    checkpoint: {
      ...checkpoint,
      async *read(signal) {
        pieces = undefined;
        const read: string[] = [];
        let hashing: Promise<unknown> = Promise.resolve();
        for await (const rows of checkpoint.read(signal)) {
          await hashing;
          const { name, type, shape } = rows.tensor;
          hashing = sha256(rows.bytes).then((hash) =>
            read.push(
              `${name} ${type} [${shape.join()}] ${rows.firstRow} ${hash}`,
            ),
          );
          yield rows;
        }
        await hashing;
        pieces = read;
      },
    },
    hash: () => {
      if (pieces === undefined)
        throw new RangeError("the weights' hash: not all of them were read");
      return sha256(pieces.toSorted().join("\n"));
    },
  };
}
