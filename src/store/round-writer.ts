/**
 * Writes a finished round so that a crash at any byte leaves the state before: its segments first, its
 * record last, in one transaction.
 *
 *     conversation is there? ─► segments ─► round ─► conversation.updatedMs ─► commit
 *
 * A new round of very many bytes takes a transaction for each segment, and one more for its record.
 * Segments without a round are invisible, and swept away when the app starts again.
 */
import { StoreError } from "../util/errors";
import { conversationIn } from "./conversations";
import { type Database, type Durability, keysOf } from "./database";
import { type RoundRecord, storableRound } from "./rounds";
import {
  assertSegment,
  putSegment,
  type SegmentRecord,
  type Segments,
} from "./segments";

/** What one transaction takes: browsers hold some of it in memory until the commit. */
const TRANSACTION_BYTES = 64 * 2 ** 20;

export interface WriteRoundOptions {
  /** `relaxed` unless the round must survive a power cut right after. */
  durability?: Durability;
  /** When it was written, in milliseconds since 1970. */
  nowMs?: number;
  /** Bytes of segments that one transaction takes. */
  transactionBytes?: number;
}

/** For the sentences of errors. */
const DOING = "keep a round of a chat";

/**
 * Writes a round with its segments, or, in error, nothing that can be seen.
 *
 * @throws StoreError `missing` where the chat was deleted meanwhile, `quota` where there is no room
 */
export async function writeRound(
  database: Database,
  round: RoundRecord,
  segments: readonly SegmentRecord[],
  {
    durability = "relaxed",
    nowMs = Date.now(),
    transactionBytes = TRANSACTION_BYTES,
  }: WriteRoundOptions = {},
): Promise<void> {
  const value = storableRound(round);
  for (const segment of segments) {
    assertSegment(segment);
    assertBelongs(segment, round);
  }

  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const isApart = bytes > transactionBytes && (await isNew(database, round));
  if (isApart) {
    for (const segment of segments) {
      await database.run(
        DOING,
        ["conversations", "segments", "uses"],
        "readwrite",
        async (transaction) => {
          await conversationIn(transaction, round.conversationId, DOING);
          await putSegment(transaction, segment, nowMs);
        },
        durability,
      );
    }
  }

  await database.run(
    DOING,
    ["conversations", "rounds", "segments", "uses"],
    "readwrite",
    async (transaction) => {
      const conversation = await conversationIn(
        transaction,
        round.conversationId,
        DOING,
      );
      if (!isApart) {
        // Segments of what the round was before go with it.
        const itsKeys = keysOf(round.conversationId, round.id);
        await transaction.objectStore("segments").delete(itsKeys);
        await transaction.objectStore("uses").delete(itsKeys);
        for (const segment of segments) {
          await putSegment(transaction, segment, nowMs);
        }
      }
      await transaction.objectStore("rounds").put(value);
      await transaction
        .objectStore("conversations")
        .put({ ...conversation, updatedMs: nowMs });
    },
    durability,
  );
}

/**
 * Writes a round whatever the room: where the disk is full, segments that were not used for long make
 * way; where that does not help, the text is kept without segments.
 *
 * @returns whether the segments were kept
 * @throws StoreError `quota` where not even the text finds room; and as `writeRound`
 */
export async function writeRoundInLittleRoom(
  database: Database,
  store: Segments,
  round: RoundRecord,
  segments: readonly SegmentRecord[],
  options: WriteRoundOptions = {},
): Promise<boolean> {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const isFull = (error: unknown): boolean =>
    error instanceof StoreError && error.reason === "quota";
  try {
    await writeRound(database, round, segments, options);
    return true;
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  // The files of deleted Blobs go a while after their records: make more room than is needed.
  if ((await store.evict(2 * bytes)) >= bytes) {
    try {
      await writeRound(database, round, segments, options);
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }
  await writeRound(database, round, [], options);
  return false;
}

function assertBelongs(segment: SegmentRecord, round: RoundRecord): void {
  const { conversationId, roundId } = segment;
  if (conversationId === round.conversationId && roundId === round.id) return;
  throw new TypeError(
    `a segment of round ${roundId} of ${conversationId} was given with round ${round.id} of ${round.conversationId}`,
  );
}

async function isNew(
  database: Database,
  { conversationId, id }: RoundRecord,
): Promise<boolean> {
  const count = await database.run(
    DOING,
    ["rounds"],
    "readonly",
    (transaction) =>
      transaction.objectStore("rounds").count([conversationId, id]),
  );
  return count === 0;
}
