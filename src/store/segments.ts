/**
 * KV of finished rounds: one Blob for each half of a round. Segments are a cache. One that is torn,
 * missing or of another shape is forgotten, and computed again from the round's tokens.
 */
import * as v from "valibot";
import {
  type Database,
  type SegmentHalf,
  type SegmentKey,
  type StoreName,
  type Transaction,
} from "./database";
import {
  assertRecord,
  checkedRecord,
  checkedRecords,
  type Found,
  timeMs,
  wholeNumber,
} from "./foreign";

export interface SegmentRecord {
  conversationId: string;
  roundId: number;
  half: SegmentHalf;
  /** Header and pages, as src/memory lays them out. */
  blob: Blob;
  /** Size of the blob. */
  bytes: number;
  /** What the KV was computed with; under another fingerprint it means nothing. */
  fingerprint: string;
}

/** What is known of a segment without opening it. */
export interface SegmentUse {
  conversationId: string;
  roundId: number;
  half: SegmentHalf;
  bytes: number;
  /** When it was last written or read. */
  usedMs: number;
}

const keyFields = {
  conversationId: v.string(),
  roundId: wholeNumber,
  half: v.picklist(["lower", "upper"]),
};

const segmentSchema: v.GenericSchema<unknown, SegmentRecord> = v.pipe(
  v.object({
    ...keyFields,
    blob: v.instance(Blob),
    bytes: wholeNumber,
    fingerprint: v.string(),
  }),
  v.check(({ blob, bytes }) => blob.size === bytes, "the blob has its size"),
);

const useSchema: v.GenericSchema<unknown, SegmentUse> = v.object({
  ...keyFields,
  bytes: wholeNumber,
  usedMs: timeMs,
});

export interface EvictOptions {
  /** Segments that must stay, such as those of the rounds on the GPU. */
  isPinned?: (use: SegmentUse) => boolean;
}

export class Segments {
  readonly #database: Database;
  readonly #now: () => number;
  /** Reads that `uses` does not know of yet: a read should not have to wait for a write. */
  readonly #reads = new Map<string, { key: SegmentKey; usedMs: number }>();

  /** @param now the clock, in milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /** Adds or replaces a segment of a round that is written already, say after a repair. */
  async put(segment: SegmentRecord): Promise<void> {
    assertSegment(segment);
    await this.#database.run(
      "keep a round's memory",
      ["segments", "uses"],
      "readwrite",
      (transaction) => putSegment(transaction, segment, this.#now()),
    );
  }

  /**
   * The segment; undefined where there is none. One of another shape, or whose Blob is not as long as
   * it should be, is deleted. That it was read is noted in memory; `saveUses` writes it down.
   */
  async get(key: SegmentKey): Promise<SegmentRecord | undefined> {
    const value = await this.#database.run(
      "read a round's memory",
      ["segments"],
      "readonly",
      (transaction) => transaction.objectStore("segments").get(key),
    );
    if (value === undefined) return undefined;
    const segment = checkedRecord(segmentSchema, value);
    if (segment === undefined) await this.delete(key);
    else this.#reads.set(JSON.stringify(key), { key, usedMs: this.#now() });
    return segment;
  }

  /**
   * The bytes of a segment with this fingerprint. Undefined where there is none, or one with another
   * fingerprint; and where the browser lost the Blob's file, whose segment is then deleted.
   */
  async read(
    key: SegmentKey,
    fingerprint: string,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const segment = await this.get(key);
    if (segment?.fingerprint !== fingerprint) return undefined;
    try {
      return new Uint8Array(await segment.blob.arrayBuffer());
    } catch {
      await this.delete(key);
      return undefined;
    }
  }

  async delete(key: SegmentKey): Promise<void> {
    this.#reads.delete(JSON.stringify(key));
    await this.#database.run(
      "delete a round's memory",
      ["segments", "uses"],
      "readwrite",
      (transaction) => deleteSegment(transaction, key),
    );
  }

  /** All segments with their sizes, the one that was not used for longest first. */
  async list(): Promise<Found<SegmentUse>> {
    await this.saveUses();
    const values = await this.#database.run(
      "measure the memory of the chats",
      ["uses"],
      "readonly",
      (transaction) => transaction.objectStore("uses").index("usedMs").getAll(),
    );
    return checkedRecords(useSchema, values);
  }

  /** Bytes of all segments. */
  async totalBytes(): Promise<number> {
    const { records } = await this.list();
    return records.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Writes down when segments were last read. Call it when there is time, such as after a turn. */
  async saveUses(): Promise<void> {
    if (this.#reads.size === 0) return;
    const reads = [...this.#reads.values()];
    this.#reads.clear();
    await this.#database.run(
      "note what was used",
      ["uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("uses");
        await Promise.all(
          reads.map(async ({ key, usedMs }) => {
            // Another tab may have deleted it, or used it later.
            const use = checkedRecord(useSchema, await store.get(key));
            if (use === undefined || use.usedMs >= usedMs) return;
            await store.put({ ...use, usedMs });
          }),
        );
      },
    );
  }

  /**
   * Deletes segments, least recently used first, until `wantedBytes` are freed or none is left that
   * may go. Text is never touched.
   *
   * @returns bytes freed
   */
  async evict(
    wantedBytes: number,
    { isPinned = () => false }: EvictOptions = {},
  ): Promise<number> {
    await this.saveUses();
    return this.#database.run(
      "make room",
      ["segments", "uses"],
      "readwrite",
      async (transaction) => {
        const values = await transaction
          .objectStore("uses")
          .index("usedMs")
          .getAll();
        const { records } = checkedRecords(useSchema, values);
        const chosen = chooseEvicted(
          records.filter((use) => !isPinned(use)),
          wantedBytes,
        );
        await Promise.all(
          chosen.map((use) => deleteSegment(transaction, keyOf(use))),
        );
        return chosen.reduce((sum, { bytes }) => sum + bytes, 0);
      },
    );
  }

  /**
   * Deletes what no round or no size belongs to: the traces of a crash, of another tab's deletion, of
   * a hand. Nothing that can be read is lost. For when the app starts.
   *
   * @returns segments deleted
   */
  async sweep(): Promise<number> {
    return this.#database.run(
      "tidy up",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const [rounds, uses, segments] = await Promise.all([
          transaction.objectStore("rounds").getAllKeys(),
          transaction.objectStore("uses").getAll(),
          transaction.objectStore("segments").getAllKeys(),
        ]);
        const roundKeys = new Set(rounds.map((key) => JSON.stringify(key)));
        const useKeys = new Set(
          checkedRecords(useSchema, uses).records.map((use) =>
            JSON.stringify(keyOf(use)),
          ),
        );
        const loose = segments.filter(
          (key) =>
            !roundKeys.has(JSON.stringify(key.slice(0, 2))) ||
            !useKeys.has(JSON.stringify(key)),
        );
        await Promise.all(loose.map((key) => deleteSegment(transaction, key)));
        return loose.length;
      },
    );
  }
}

/** @throws TypeError where the segment could not be read again */
export function assertSegment(segment: SegmentRecord): void {
  assertRecord(segmentSchema, segment, "segment");
}

/** Puts a segment within a transaction, with its size and use. */
export async function putSegment<Names extends StoreName>(
  transaction: Transaction<Names | "segments" | "uses", "readwrite">,
  segment: SegmentRecord,
  usedMs: number,
): Promise<void> {
  const { conversationId, roundId, half, bytes } = segment;
  const use = { conversationId, roundId, half, bytes, usedMs };
  await transaction.objectStore("segments").put(segment);
  await transaction.objectStore("uses").put(use satisfies SegmentUse);
}

async function deleteSegment<Names extends StoreName>(
  transaction: Transaction<Names | "segments" | "uses", "readwrite">,
  key: SegmentKey,
): Promise<void> {
  await Promise.all([
    transaction.objectStore("segments").delete(key),
    transaction.objectStore("uses").delete(key),
  ]);
}

function keyOf({ conversationId, roundId, half }: SegmentUse): SegmentKey {
  return [conversationId, roundId, half];
}

/** The first of `uses` whose sizes make up `wantedBytes`; all of them where they do not. */
function chooseEvicted(
  uses: readonly SegmentUse[],
  wantedBytes: number,
): SegmentUse[] {
  const chosen: SegmentUse[] = [];
  let freedBytes = 0;
  for (const use of uses) {
    if (freedBytes >= wantedBytes) break;
    chosen.push(use);
    freedBytes += use.bytes;
  }
  return chosen;
}
