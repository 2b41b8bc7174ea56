/** The rounds of a chat: what was said, and the tokens that its KV is rebuilt from. */
import * as v from "valibot";
import { type Database, keysOf } from "./database";
import {
  assertRecord,
  checkedRecord,
  checkedRecords,
  type Found,
  roundId,
  timeMs,
  wholeNumber,
} from "./foreign";
import { inTreeOrder, withAllThatRead } from "./round-tree";

/**
 * A message and its reply. Rounds form a tree: a branch begins where two rounds have the same parent.
 * A parent's id is smaller than its children's, so there are no circles.
 */
export interface RoundRecord {
  conversationId: string;
  /** Unique in the conversation; never used again there. */
  id: number;
  /** The round before; null for the first. */
  parentId: number | null;
  user: string;
  /** As far as it came. */
  reply: string;
  /** False while the reply is still coming: a page that is closed midway loses no text. */
  isFinished: boolean;
  /** All token ids of the round, as far as they are known. The text is the truth; KV is rebuilt from these. */
  tokens: Uint32Array;
  /** The first so many tokens are the message's; the rest are the reply's. */
  openTokens: number;
  /** Of the tokenizer and template that made `tokens`. Under others they are made again from the text. */
  textFingerprint: string;
  /** SHA-256 of `tokens`: stored KV belongs to these and no others. */
  contentHash: string;
  /** The rounds whose upper halves its own upper half was computed against; null: all before it. */
  attended: number[] | null;
  /** Digest of the keys in its lower half, page by page. */
  pageDigest?: Float32Array | undefined;
  /** Hash of all tokens before it that its KV was computed with; without it that is not known. */
  kvContext?: string | undefined;
  /** Whether some of what its KV was computed with was not exact. */
  isApproximate?: boolean | undefined;
  /** Where its KV is, while it has none of its own. */
  kvFrom?: KvPlace | undefined;
  /** The name of the document that it is. */
  document?: string | undefined;
  createdMs: number;
}

/** A round whose segments are another round's too: they have the same tokens. */
export interface KvPlace {
  /** Default: the same chat. */
  conversationId?: string | undefined;
  roundId: number;
}

const sha256Digits = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const roundSchema: v.GenericSchema<unknown, RoundRecord> = v.pipe(
  v.object({
    conversationId: v.string(),
    id: roundId,
    parentId: v.nullable(roundId),
    user: v.string(),
    reply: v.string(),
    isFinished: v.boolean(),
    tokens: v.instance(Uint32Array),
    openTokens: wholeNumber,
    textFingerprint: v.string(),
    contentHash: sha256Digits,
    attended: v.nullable(v.array(wholeNumber)),
    pageDigest: v.optional(v.instance(Float32Array)),
    kvContext: v.optional(sha256Digits),
    isApproximate: v.optional(v.boolean()),
    kvFrom: v.optional(
      v.object({
        conversationId: v.optional(v.string()),
        roundId,
      }),
    ),
    document: v.optional(v.string()),
    createdMs: timeMs,
  }),
  v.check(
    ({ id, parentId }) => parentId === null || parentId < id,
    "a parent's id is smaller than its child's",
  ),
  v.check(
    ({ openTokens, tokens }) => openTokens <= tokens.length,
    "a message has no more tokens than its round",
  ),
);

export class Rounds {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Adds or replaces a round's record, whatever chat or segments there are; a turn uses `writeRounds`. */
  async put(round: RoundRecord): Promise<void> {
    const value = storableRound(round);
    await this.#database.run(
      "keep a round",
      ["rounds"],
      "readwrite",
      (transaction) => transaction.objectStore("rounds").put(value),
    );
  }

  /**
   * All rounds of a chat in tree order: each parent before its children, each branch to its end before
   * the next, the older first. A round whose parent is gone stands where a first round does: its text
   * is not lost.
   */
  async list(conversationId: string): Promise<Found<RoundRecord>> {
    const values = await this.#database.run(
      "read a chat",
      ["rounds"],
      "readonly",
      (transaction) =>
        transaction.objectStore("rounds").getAll(keysOf(conversationId)),
    );
    const { records, dropped } = checkedRecords(roundSchema, values);
    return { records: inTreeOrder(records), dropped };
  }

  /** The chats and documents that have rounds. */
  async chatIds(): Promise<string[]> {
    const keys = await this.#database.run(
      "read the chats",
      ["rounds"],
      "readonly",
      (transaction) => transaction.objectStore("rounds").getAllKeys(),
    );
    return [...new Set(keys.map(([conversationId]) => conversationId))];
  }

  /** Deletes all segments of a chat, and what its rounds say of them. */
  async forgetKv(conversationId: string): Promise<void> {
    await this.#database.run(
      "forget the memory of a chat",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("rounds");
        const values = await store.getAll(keysOf(conversationId));
        const { records } = checkedRecords(roundSchema, values);
        await Promise.all([
          ...records.map((round) => store.put(withoutKv(round))),
          transaction.objectStore("segments").delete(keysOf(conversationId)),
          transaction.objectStore("uses").delete(keysOf(conversationId)),
        ]);
      },
    );
  }

  /**
   * Deletes a round. Its children become children of its parent. What was said after it keeps its text,
   * and, unless `keepsKv`, loses its segments: that KV was computed with the deleted round in view.
   */
  async delete(
    conversationId: string,
    id: number,
    { keepsKv = false }: { keepsKv?: boolean } = {},
  ): Promise<void> {
    await this.#database.run(
      "delete a round",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("rounds");
        const values = await store.getAll(keysOf(conversationId));
        const { records } = checkedRecords(roundSchema, values);
        const gone = records.find((round) => round.id === id);
        const readers = keepsKv ? new Set([id]) : withAllThatRead(records, id);
        const changed = records
          .filter((round) => round.parentId === id || readers.has(round.id))
          .map((round) => ({
            ...(readers.has(round.id) ? withoutKv(round) : round),
            ...(round.parentId === id && { parentId: gone?.parentId ?? null }),
          }));
        await Promise.all([
          ...changed.map((round) => store.put(round)),
          store.delete([conversationId, id]),
          ...[...readers]
            .map((stale) => keysOf(conversationId, stale))
            .flatMap((keys) => [
              transaction.objectStore("segments").delete(keys),
              transaction.objectStore("uses").delete(keys),
            ]),
        ]);
      },
    );
  }
}

/** A round of whose KV nothing is known. */
function withoutKv({
  pageDigest: _digest,
  kvContext: _context,
  kvFrom: _from,
  isApproximate: _isApproximate,
  ...said
}: RoundRecord): RoundRecord {
  return said;
}

/** A round as it may be written; @throws TypeError where it could not be read again. */
export function storableRound(round: RoundRecord): RoundRecord {
  assertRecord(roundSchema, round, "round");
  const { tokens, pageDigest } = round;
  return {
    ...round,
    tokens: isView(tokens) ? tokens.slice() : tokens,
    ...(pageDigest && {
      pageDigest: isView(pageDigest) ? pageDigest.slice() : pageDigest,
    }),
  };
}

/** A round as it was read; undefined where it is of another shape. */
export function readRound(value: unknown): RoundRecord | undefined {
  return checkedRecord(roundSchema, value);
}

/** Whether more would be stored than it shows: what is stored of a view is its whole buffer. */
function isView({ byteLength, buffer }: ArrayBufferView): boolean {
  return byteLength < buffer.byteLength;
}
