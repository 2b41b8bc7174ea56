/**
 * KV of finished rounds: one Blob for each half of a round. Segments are a cache. One that is torn, missing or
 * invalid is dropped, and computed again from the round's tokens.
 */
import { blobBytes } from "../util/blob-bytes";
import * as v from "valibot";
import type { Half } from "../util/kv-half";
import { StoreError } from "../util/errors";
import {
  type Database,
  keysOf,
  type SegmentKey,
  type StoreName,
  type Transaction,
} from "./database";
import { assertRecord, checkedRecord, wholeNumber } from "./foreign";
import { readRound } from "./rounds";
import {
  checkedUses,
  keyFields,
  keyOf,
  originFields,
  type SegmentOrigin,
  type SegmentUse,
  SegmentUses,
} from "./segment-uses";

export interface SegmentRecord extends SegmentOrigin {
  conversationId: string;
  roundId: number;
  half: Half;
  /** Header and pages, as src/memory lays them out. */
  blob: Blob;
  /** Size of the blob. */
  bytes: number;
  /** Of its round. */
  tokens?: number | undefined;
  /**
   * Fingerprint of what the KV was computed with, then the content hash of its round; under another fingerprint
   * it is meaningless.
   */
  fingerprint: string;
}

const segmentSchema: v.GenericSchema<unknown, SegmentRecord> = v.pipe(
  v.object({
    ...keyFields,
    ...originFields,
    blob: v.instance(Blob),
    bytes: wholeNumber,
    tokens: v.optional(wholeNumber),
    fingerprint: v.string(),
  }),
  v.check(({ blob, bytes }) => blob.size === bytes, "the blob has its size"),
);

/** A segment's bytes, and what its KV was computed behind, if it says so. */
export interface ReadSegment extends SegmentOrigin {
  bytes: Uint8Array<ArrayBuffer>;
}

/** Totals over all segments. */
export interface SegmentTotals {
  count: number;
  bytes: number;
  /** Tokens of their rounds, a half counting half. */
  tokens: number;
}

export interface EvictOptions {
  /** Segments to keep, such as those of the chat that is being written. */
  isPinned?: (use: SegmentUse) => boolean;
}

export class Segments {
  readonly uses: SegmentUses;
  readonly #database: Database;
  readonly #now: () => number;

  /** @param now the clock, in milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.uses = new SegmentUses(database);
    this.#database = database;
    this.#now = now;
  }

  /**
   * Adds or replaces a segment of a round that is already stored.
   *
   * @throws StoreError `missing` if there is no such round (any more), `quota` if there is no room
   */
  async put(segment: SegmentRecord): Promise<void> {
    if ((await this.putAll([segment])) === 1) return;
    throw new StoreError(
      "missing",
      "Could not save a round's memory: the round was deleted, perhaps in another tab.",
    );
  }

  /**
   * Adds or replaces segments, all of them or none; those without a stored round are left out.
   *
   * @returns how many were written
   * @throws StoreError `quota` if there is no room
   */
  async putAll(segments: readonly SegmentRecord[]): Promise<number> {
    for (const segment of segments)
      assertRecord(segmentSchema, segment, "segment");
    const usedMs = this.#now();
    return this.#database.run(
      "save a round's memory",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const put = async (segment: SegmentRecord) => {
          const { blob: _blob, ...facts } = segment;
          const { conversationId, roundId } = segment;
          const round = await transaction
            .objectStore("rounds")
            .getKey([conversationId, roundId]);
          if (round === undefined) return false;
          const use: SegmentUse = { ...facts, usedMs };
          await Promise.all([
            transaction.objectStore("segments").put(segment),
            transaction.objectStore("uses").put(use),
          ]);
          return true;
        };
        const wereWritten = await Promise.all(segments.map(put));
        return wereWritten.filter(Boolean).length;
      },
    );
  }

  /**
   * A segment with this fingerprint; `missing` if there is none. One with another fingerprint, an invalid record
   * or a lost file is deleted, and reported as `dropped`. The read is noted in memory; `uses.save` writes it
   * down.
   */
  async read(
    key: SegmentKey,
    fingerprint: string,
  ): Promise<ReadSegment | "missing" | "dropped"> {
    const value = await this.#valueOf(key);
    if (value === undefined) return "missing";
    const segment = readSegment(value);
    const bytes =
      segment?.fingerprint === fingerprint
        ? await blobBytes(segment.blob)
        : undefined;
    if (segment === undefined || bytes === undefined) {
      await this.delete(key);
      return "dropped";
    }
    this.uses.note(key, this.#now());
    const { kvContext, isExact } = segment;
    return { bytes, kvContext, isExact };
  }

  /** Totals over all segments, without opening any. */
  async totals(): Promise<SegmentTotals> {
    return this.#database.run(
      "measure the memory of the chats",
      ["uses", "rounds"],
      "readonly",
      async (transaction) => {
        const values = await transaction.objectStore("uses").getAll();
        const totals = { count: 0, bytes: 0, tokens: 0 };
        for (const use of checkedUses(values).records) {
          const { conversationId, roundId, bytes } = use;
          totals.count++;
          totals.bytes += bytes;
          const tokens =
            use.tokens ??
            readRound(
              await transaction
                .objectStore("rounds")
                .get([conversationId, roundId]),
            )?.tokens.length;
          totals.tokens += (tokens ?? 0) / 2;
        }
        return totals;
      },
    );
  }

  /** The segments of a chat, unchecked; one at a time, for they are large. */
  async *ofChat(conversationId: string): AsyncGenerator<SegmentRecord, void> {
    const keys = await this.#database.run(
      "read a chat's memory",
      ["segments"],
      "readonly",
      (transaction) =>
        transaction.objectStore("segments").getAllKeys(keysOf(conversationId)),
    );
    for (const key of keys) {
      const segment = readSegment(await this.#valueOf(key));
      if (segment !== undefined) yield segment;
    }
  }

  async delete(key: SegmentKey): Promise<void> {
    this.uses.forget(key);
    await this.#database.run(
      "delete a round's memory",
      ["segments", "uses"],
      "readwrite",
      (transaction) => deleteSegment(transaction, key),
    );
  }

  /**
   * Deletes segments, least recently used first, until `wantedBytes` are freed or no more may be deleted. Text is
   * never touched.
   *
   * @returns bytes freed
   */
  async evict(
    wantedBytes: number,
    { isPinned = () => false }: EvictOptions = {},
  ): Promise<number> {
    // A full disk may refuse even this; the order of eviction then stays the old one.
    await this.uses.save().catch(() => undefined);
    return this.#database.run(
      "make room",
      ["segments", "uses"],
      "readwrite",
      async (transaction) => {
        const values = await transaction
          .objectStore("uses")
          .index("usedMs")
          .getAll();
        const chosen = chooseEvicted(
          checkedUses(values).records.filter((use) => !isPinned(use)),
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
   * Deletes segments without a round or a size: left by a crash, another tab's deletion, or manual edits. Nothing
   * readable is lost. For when the app has started: it reads what there is of all chats, and keeps no other from
   * reading meanwhile.
   *
   * @returns number of segments deleted
   */
  async sweep(): Promise<number> {
    const loose = await this.#database.run(
      "look for leftovers",
      ["rounds", "segments", "uses"],
      "readonly",
      async (transaction) => {
        const [rounds, uses, segments] = await Promise.all([
          transaction.objectStore("rounds").getAllKeys(),
          transaction.objectStore("uses").getAll(),
          transaction.objectStore("segments").getAllKeys(),
        ]);
        const roundKeys = new Set(rounds.map((key) => JSON.stringify(key)));
        const useKeys = new Set(
          checkedUses(uses).records.map((use) => JSON.stringify(keyOf(use))),
        );
        return segments.filter(
          (key) =>
            !roundKeys.has(JSON.stringify(key.slice(0, 2))) ||
            !useKeys.has(JSON.stringify(key)),
        );
      },
    );
    if (loose.length === 0) return 0;
    return this.#database.run(
      "clean up",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const deleted = await Promise.all(
          loose.map(async (key) => {
            const [chatId, roundId] = key;
            // Another tab may have written what was missing.
            const [round, use] = await Promise.all([
              transaction.objectStore("rounds").getKey([chatId, roundId]),
              transaction.objectStore("uses").get(key),
            ]);
            const isWhole = checkedUses([use]).records.length > 0;
            if (round !== undefined && isWhole) return false;
            await deleteSegment(transaction, key);
            return true;
          }),
        );
        return deleted.filter(Boolean).length;
      },
    );
  }

  #valueOf(key: SegmentKey): Promise<unknown> {
    return this.#database.run(
      "read a round's memory",
      ["segments"],
      "readonly",
      (transaction) => transaction.objectStore("segments").get(key),
    );
  }
}

/** A segment as read; undefined if the record is invalid. */
export function readSegment(value: unknown): SegmentRecord | undefined {
  return checkedRecord(segmentSchema, value);
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

/** The first of `uses` whose sizes add up to `wantedBytes`; all of them if they don't. */
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
