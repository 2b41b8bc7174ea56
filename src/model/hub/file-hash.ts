/**
 * The SHA-256 of a file that comes in chunks in any order. Chunks are hashed in theirs, as soon as those
 * before them are here: when the last one comes, little is left to do. What is hashed is read back from the
 * store, so that the hash is of what was written.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type {
  ChunkPlace,
  ModelFileRecord,
  ModelKeeping,
  ModelRecord,
} from "../../store/model-store";
import { chunkCount } from "./model-chunks";

export class FileHash {
  readonly #store: ModelKeeping;
  readonly #place: Omit<ChunkPlace, "index">;
  readonly #count: number;
  readonly #isWanted: boolean;
  readonly #signal: AbortSignal;
  readonly #lacking: Set<number>;
  readonly #hash = sha256.create();
  #next = 0;
  #isTorn = false;
  #running: Promise<void> | undefined;

  /** @param lacking chunks of the file that are not here yet */
  constructor(
    store: ModelKeeping,
    { id, chunkBytes }: ModelRecord,
    file: ModelFileRecord,
    lacking: readonly ChunkPlace[],
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.#store = store;
    this.#place = { id, path: file.path, version: file.version };
    this.#count = chunkCount(file, chunkBytes);
    this.#isWanted = file.sha256 !== undefined;
    this.#lacking = new Set(lacking.map(({ index }) => index));
  }

  /** A chunk is here now. */
  came(index: number): void {
    this.#lacking.delete(index);
    // What goes wrong now comes to light when the digest is asked for.
    if (this.#isWanted) this.#advance().catch(() => undefined);
  }

  /**
   * In 64 hexadecimal digits, of a file that is here; undefined where a chunk of it is gone again.
   *
   * @throws StoreError; the signal's reason
   */
  async digest(): Promise<string | undefined> {
    while (this.#next < this.#count && !this.#isTorn) await this.#advance();
    return this.#isTorn ? undefined : bytesToHex(this.#hash.digest());
  }

  /** Hashes what can be hashed now; one chunk at a time. */
  #advance(): Promise<void> {
    return (this.#running ??= this.#hashOn().finally(
      () => (this.#running = undefined),
    ));
  }

  async #hashOn(): Promise<void> {
    while (this.#next < this.#count && !this.#lacking.has(this.#next)) {
      this.#signal.throwIfAborted();
      const index = this.#next;
      const bytes = await this.#store.readChunk({ ...this.#place, index });
      if (bytes === undefined) {
        this.#isTorn = true;
        return;
      }
      this.#hash.update(bytes);
      this.#next++;
    }
  }
}
