/** The rounds of a chat: what was said, and the tokens that its KV is rebuilt from. */
import * as v from "valibot";
import { type Database, keysOf } from "./database";
import {
  assertRecord,
  checkedRecords,
  type Found,
  timeMs,
  wholeNumber,
} from "./foreign";

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
  reply: string;
  /** All token ids of the round. The text is the truth; KV is rebuilt from these. */
  tokens: Uint32Array;
  /** The first so many tokens are the message's; the rest are the reply's. */
  openTokens: number;
  /** SHA-256 of what the round's own KV depends on. */
  contentHash: string;
  /** SHA-256 of the context in which its KV was computed. */
  contextHash: string;
  /** Whether the KV is that of the whole context, rather than fused or reused. */
  exact: boolean;
  createdMs: number;
}

const sha256Digits = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const roundSchema: v.GenericSchema<unknown, RoundRecord> = v.pipe(
  v.object({
    conversationId: v.string(),
    id: wholeNumber,
    parentId: v.nullable(wholeNumber),
    user: v.string(),
    reply: v.string(),
    tokens: v.instance(Uint32Array),
    openTokens: wholeNumber,
    contentHash: sha256Digits,
    contextHash: sha256Digits,
    exact: v.boolean(),
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

  /**
   * Adds or replaces a round's record alone, say when its KV was repaired. A finished round is written
   * with its segments by `writeRound`.
   */
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

  /**
   * Deletes a round and its segments. Its children become children of its parent; their hashes stay,
   * and say in what context their KV was computed.
   */
  async delete(conversationId: string, id: number): Promise<void> {
    await this.#database.run(
      "delete a round",
      ["rounds", "segments", "uses"],
      "readwrite",
      async (transaction) => {
        const store = transaction.objectStore("rounds");
        const values = await store.getAll(keysOf(conversationId));
        const { records } = checkedRecords(roundSchema, values);
        const gone = records.find((round) => round.id === id);
        const parentId = gone?.parentId ?? null;
        const itsKeys = keysOf(conversationId, id);
        await Promise.all([
          ...records
            .filter((round) => round.parentId === id)
            .map((child) => store.put({ ...child, parentId })),
          store.delete([conversationId, id]),
          transaction.objectStore("segments").delete(itsKeys),
          transaction.objectStore("uses").delete(itsKeys),
        ]);
      },
    );
  }
}

/** A round as it may be written; @throws TypeError where it could not be read again. */
export function storableRound(round: RoundRecord): RoundRecord {
  assertRecord(roundSchema, round, "round");
  // What is stored of a view is its whole buffer.
  const isView = round.tokens.byteLength < round.tokens.buffer.byteLength;
  return isView ? { ...round, tokens: round.tokens.slice() } : round;
}

function inTreeOrder(rounds: readonly RoundRecord[]): RoundRecord[] {
  const ids = new Set(rounds.map(({ id }) => id));
  const children = new Map<number | null, RoundRecord[]>();
  for (const round of rounds.toSorted((a, b) => a.id - b.id)) {
    const { parentId } = round;
    const parent = parentId !== null && ids.has(parentId) ? parentId : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [round]);
    else siblings.push(round);
  }
  // Chats are long and branch seldom: a stack of our own, as deep as it must be.
  const ordered: RoundRecord[] = [];
  const waiting = (children.get(null) ?? []).toReversed();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    ordered.push(next);
    waiting.push(...(children.get(next.id) ?? []).toReversed());
  }
  return ordered;
}
