/**
 * The SHA-256 of a file whose chunks arrive in any order. Chunks are hashed in file order, each as soon as all
 * before it have arrived: after the last one, little is left to do. They are read back from the store, so that
 * the hash covers what was written.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type {
  ChunkPlace,
  ModelFileRecord,
  ModelFileStore,
  ModelRecord,
} from "../../store/model-store";
import { chunkCount } from "./model-chunks";

export class FileHash {
  readonly #store: ModelFileStore;
  readonly #place: Omit<ChunkPlace, "index">;
  readonly #count: number;
  readonly #isWanted: boolean;
  readonly #signal: AbortSignal;
  readonly #lacking: Set<number>;
  readonly #hash = sha256.create();
  #next = 0;
  #isTorn = false;
  #running: Promise<void> | undefined;

  /** @param lacking chunks of the file that are missing */
  constructor(
    store: ModelFileStore,
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

  /** Notes that a chunk was stored. */
  chunkStored(index: number): void {
    this.#lacking.delete(index);
    // An error now is reported when the digest is asked for.
    if (this.#isWanted) this.#advance().catch(() => undefined);
  }

  /**
   * The digest in 64 hexadecimal digits, of a complete file; undefined if one of its chunks was lost.
   *
   * @throws StoreError; the signal's reason
   */
  async digest(): Promise<string | undefined> {
    while (this.#next < this.#count && !this.#isTorn) await this.#advance();
    return this.#isTorn ? undefined : bytesToHex(this.#hash.digest());
  }

  /** Hashes the next chunks that are available, one at a time. */
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
