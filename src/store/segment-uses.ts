/**
 * Sizes and last uses of segments, which can be read without opening them. Kept apart from the segments, so that
 * noting a use need not write megabytes again.
 */
import * as v from "valibot";
import type { Half } from "../util/kv-half";
import { type Database, keysOf, type SegmentKey } from "./database";
import { readRound, type RoundRecord } from "./rounds";
import {
  checkedRecord,
  checkedRecords,
  type Found,
  roundId,
  timeMs,
  wholeNumber,
} from "./foreign";

export interface SegmentUse extends SegmentOrigin {
  conversationId: string;
  roundId: number;
  half: Half;
  bytes: number;
  /** Tokens of its round; undefined for segments of older versions. */
  tokens?: number | undefined;
  /** As in the segment; undefined for segments of older versions. */
  fingerprint?: string | undefined;
  /** When it was last written or read. */
  usedMs: number;
}

/** What the KV of a segment was computed behind. Up to version 0.1 its round's record had this. */
export interface SegmentOrigin {
  /** Hash of all tokens before the round. */
  kvContext?: string | undefined;
  /** Whether all KV of those was exact. */
  isExact?: boolean | undefined;
}

/** Its fields, as schemas. */
export const originFields = {
  kvContext: v.optional(v.string()),
  isExact: v.optional(v.boolean()),
};

/** The fields of a segment's key, as schemas. */
export const keyFields = {
  conversationId: v.string(),
  roundId,
  half: v.picklist(["lower", "upper"]),
};

const useSchema: v.GenericSchema<unknown, SegmentUse> = v.object({
  ...keyFields,
  bytes: wholeNumber,
  ...originFields,
  tokens: v.optional(wholeNumber),
  fingerprint: v.optional(v.string()),
  usedMs: timeMs,
});

/** What is stored of a chat's rounds, by round and half. */
export type StoredHalves = Map<number, Partial<Record<Half, SegmentUse>>>;

export class SegmentUses {
  readonly #database: Database;
  /** Reads that are not written down yet: a read should not have to wait for a write. */
  readonly #reads = new Map<string, { key: SegmentKey; usedMs: number }>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes in memory that a segment was read; `save` writes it down. */
  note(key: SegmentKey, usedMs: number): void {
    this.#reads.set(JSON.stringify(key), { key, usedMs });
  }

  forget(key: SegmentKey): void {
    this.#reads.delete(JSON.stringify(key));
  }

  /** Writes down when segments were last read. Call it in idle time, such as after a turn. */
  async save(): Promise<void> {
    if (this.#reads.size === 0) return;
    const reads = [...this.#reads.values()];
    this.#reads.clear();
    await this.#database.run(
      "record what was used",
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

  /** All segments with their sizes, least recently used first. */
  async list(): Promise<Found<SegmentUse>> {
    await this.save();
    const values = await this.#database.run(
      "measure the memory of the chats",
      ["uses"],
      "readonly",
      (transaction) => transaction.objectStore("uses").index("usedMs").getAll(),
    );
    return checkedUses(values);
  }

  /** The segments of a chat, with what their rounds record if they don't themselves. */
  async ofChat(conversationId: string): Promise<StoredHalves> {
    const uses = await this.#database.run(
      "measure the memory of a chat",
      ["uses", "rounds"],
      "readonly",
      async (transaction) => {
        const values = await transaction
          .objectStore("uses")
          .getAll(keysOf(conversationId));
        const rounds = transaction.objectStore("rounds");
        return Promise.all(
          checkedUses(values).records.map(async (use) => {
            if (use.kvContext !== undefined) return use;
            const key = [conversationId, use.roundId] as [string, number];
            return { ...use, ...originIn(readRound(await rounds.get(key))) };
          }),
        );
      },
    );
    const stored: StoredHalves = new Map();
    for (const use of uses)
      stored.set(use.roundId, { ...stored.get(use.roundId), [use.half]: use });
    return stored;
  }

  /** Bytes of all segments. */
  async totalBytes(): Promise<number> {
    const { records } = await this.list();
    return records.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/** What a round's record says of its segments. */
function originIn(round: RoundRecord | undefined): SegmentOrigin {
  if (round?.kvContext === undefined) return {};
  return { kvContext: round.kvContext, isExact: !round.isApproximate };
}

/** The valid ones of these values; a crash, a person or another version may have written others. */
export function checkedUses(values: readonly unknown[]): Found<SegmentUse> {
  return checkedRecords(useSchema, values);
}

export function keyOf({
  conversationId,
  roundId,
  half,
}: SegmentUse): SegmentKey {
  return [conversationId, roundId, half];
}
