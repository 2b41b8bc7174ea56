/**
 * Downloads what is missing of a model's files, several chunks at a time. A chunk is written once it is complete;
 * a file is hashed once all its chunks are. A download that is stopped at any point leaves what was written, and
 * the next one continues there.
 *
 *     missing chunks ─► 4 at a time: GET (again from the byte where it broke) ─► store
 *                                                       file's last chunk ─► hash ─► checked
 */
import type {
  ChunkPlace,
  ModelFileRecord,
  ModelFileStore,
  ModelRecord,
} from "../../store/model-store";
import { ModelFetchError } from "../../util/errors";
import { FileHash } from "./file-hash";
import { type Hub, type HubBody, RangeRefusedError } from "./hub";
import { chunkRange, missingChunks } from "./model-chunks";
import {
  type RetryPolicy,
  DEFAULT_RETRY_POLICY,
  TemporaryFetchError,
  TrySignal,
  waitAfter,
} from "./retry";

/**
 * A file is not what the hub listed: it `changed` during the download, or is `wrong` as a whole. Its chunks are
 * useless; list the repository again.
 */
export class UnlistedContentError extends ModelFetchError {
  readonly path: string;
  readonly kind: "changed" | "wrong";

  constructor(message: string, path: string, kind: "changed" | "wrong") {
    super(message);
    this.path = path;
    this.kind = kind;
  }
}

export interface DownloadOptions {
  /** Called with the bytes that arrived, or were dropped (negative). */
  onBytes?: ((bytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  retryPolicy?: RetryPolicy | undefined;
}

const PARALLEL_CHUNKS = 4;
/** Tries for one chunk, even if each brings some bytes. */
const MOST_TRIES = 60;

export class ModelDownload {
  /** Whether the repository changed meanwhile: the files may be of several commits. */
  hasMixedCommits = false;
  readonly #hub: Hub;
  readonly #store: ModelFileStore;
  readonly #record: ModelRecord;
  readonly #onBytes: (bytes: number) => void;
  readonly #retryPolicy: RetryPolicy;
  readonly #stop = new AbortController();
  readonly #etags = new Map<string, string>();
  readonly #hashes = new Map<string, FileHash>();
  #commit: string | undefined;

  constructor(
    hub: Hub,
    store: ModelFileStore,
    record: ModelRecord,
    {
      onBytes = () => undefined,
      retryPolicy = DEFAULT_RETRY_POLICY,
    }: DownloadOptions = {},
  ) {
    this.#hub = hub;
    this.#store = store;
    this.#record = record;
    this.#onBytes = onBytes;
    this.#retryPolicy = retryPolicy;
    for (const { path, etag } of record.files)
      if (etag !== undefined) this.#etags.set(path, etag);
  }

  /**
   * Resolves when all files are complete and checked.
   *
   * @throws UnlistedContentError, ModelFetchError, StoreError; the signal's reason
   */
  async run(signal?: AbortSignal): Promise<void> {
    const forward = () => this.#stop.abort(signal?.reason);
    if (signal?.aborted) forward();
    signal?.addEventListener("abort", forward);
    try {
      const kept = await this.#store.chunks(this.#record.id);
      await this.#fetchAll(missingChunks(this.#record, kept));
    } finally {
      signal?.removeEventListener("abort", forward);
    }
  }

  async #fetchAll(missing: ChunkPlace[]): Promise<void> {
    const { files } = this.#record;
    for (const file of files) {
      const lacks = missing.filter(({ path }) => path === file.path);
      this.#hashes.set(
        file.path,
        new FileHash(this.#store, this.#record, file, lacks, this.#stop.signal),
      );
    }
    const left = new Map(files.map(({ path }) => [path, 0]));
    for (const { path } of missing) left.set(path, left.get(path)! + 1);
    // Files whose last chunk came just before a stop have not been checked yet.
    const unchecked = files.filter(
      ({ path, isChecked }) => left.get(path) === 0 && !isChecked,
    );

    const work = async () => {
      for (let file = unchecked.shift(); file; file = unchecked.shift())
        await this.#check(file);
      for (let place = missing.shift(); place; place = missing.shift()) {
        const { path, index } = place;
        const file = files.find((file) => file.path === path)!;
        const bytes = await this.#fetchChunk(file, index);
        await this.#store.putChunk(place, bytes);
        this.#hashes.get(path)?.chunkStored(index);
        left.set(path, left.get(path)! - 1);
        if (left.get(path) === 0) await this.#check(file);
      }
    };
    let failure: { error: unknown } | undefined;
    // All of them end before this does, so that nothing is written after an error.
    await Promise.all(
      Array.from({ length: PARALLEL_CHUNKS }, () =>
        work().catch((error: unknown) => {
          failure ??= { error };
          this.#stop.abort(error);
        }),
      ),
    );
    if (failure) throw failure.error;
  }

  /** A chunk's bytes, with as many tries as it takes. */
  async #fetchChunk(
    file: ModelFileRecord,
    index: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { path, bytes: fileBytes } = file;
    const { start, end } = chunkRange(file, index, this.#record.chunkBytes);
    // Small files may come compressed, which ranges can't handle.
    const isWhole = end - start === fileBytes;
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    let failures = 0;
    for (let tries = 1; filled < bytes.length; tries++) {
      const before = filled;
      const one = new TrySignal(this.#stop.signal, path, this.#retryPolicy);
      try {
        const range = isWhole ? undefined : { start: start + filled, end };
        const body = await this.#hub.open(
          this.#record.repository,
          path,
          range,
          one.signal,
        );
        await this.#expectSame(file, body, isWhole);
        for await (const part of body.chunks) {
          if (filled + part.length > bytes.length) throw changed(file);
          bytes.set(part, filled);
          filled += part.length;
          one.restartTimer();
          this.#onBytes(part.length);
        }
        if (filled < bytes.length && isWhole) throw changed(file);
        if (filled < bytes.length)
          throw new TemporaryFetchError(
            `${path} of ${this.#record.id} ended ${bytes.length - filled} bytes too early. Load the model again to resume the download.`,
          );
      } catch (error) {
        if (error instanceof RangeRefusedError) throw changed(file);
        const hasAdvanced = filled > before && !isWhole;
        failures = hasAdvanced && tries < MOST_TRIES ? 1 : failures + 1;
        if (isWhole) {
          this.#onBytes(-filled);
          filled = 0;
        }
        await waitAfter(error, failures, this.#retryPolicy, this.#stop.signal);
      } finally {
        one.end();
      }
    }
    return bytes;
  }

  /** Refuses bytes of another version of the file than the stored chunks. */
  async #expectSame(
    file: ModelFileRecord,
    { etag, commit, fileBytes, chunks }: HubBody,
    isWhole: boolean,
  ): Promise<void> {
    this.#commit ??= commit;
    if (commit !== undefined && commit !== this.#commit)
      this.hasMixedCommits = true;
    const known = this.#etags.get(file.path);
    const isSame =
      (fileBytes ?? file.bytes) === file.bytes &&
      (isWhole || (etag ?? known) === (known ?? etag));
    if (!isSame) {
      await chunks[Symbol.asyncIterator]().return?.();
      throw changed(file);
    }
    if (isWhole || etag === undefined || known !== undefined) return;
    this.#etags.set(file.path, etag);
    // Written before any chunk: chunks that come after a reload are compared with it.
    await this.#store.change(this.#record.id, (record) =>
      withFile(record, file.path, { etag }),
    );
  }

  /** Checks a complete file against the hub's hash. */
  async #check(file: ModelFileRecord): Promise<void> {
    const { path } = file;
    if (file.sha256 !== undefined) {
      const found = await this.#hashes.get(path)!.digest();
      if (found === undefined) throw wrong(file, "stored parts are missing");
      if (found !== file.sha256) throw wrong(file, `its SHA-256 is ${found}`);
    }
    await this.#store.change(this.#record.id, (record) =>
      withFile(record, path, { isChecked: true }),
    );
  }
}

/** The record with changes to one of its files. */
export function withFile(
  record: ModelRecord,
  path: string,
  fields: Partial<ModelFileRecord>,
): ModelRecord {
  const files = record.files.map((file) =>
    file.path === path ? { ...file, ...fields } : file,
  );
  return { ...record, files };
}

function changed({ path }: ModelFileRecord): UnlistedContentError {
  return new UnlistedContentError(
    `${path} changed on the hub during the download. Load the model again later.`,
    path,
    "changed",
  );
}

function wrong({ path, sha256 }: ModelFileRecord, why: string) {
  return new UnlistedContentError(
    `${path} differs from what the hub lists (${why}, not ${sha256 ?? "known"}), twice: something on the way alters it. It was deleted. Load the model again over another network, or from another mirror.`,
    path,
    "wrong",
  );
}
