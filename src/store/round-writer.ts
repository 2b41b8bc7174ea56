/**
 * Writes rounds of a chat so that a crash at any byte leaves the state before: all in one transaction, the chat
 * last.
 *
 *     chat exists? ─► each round, deleting its outdated segments ─► chat ─► commit
 *
 * Segments are written later, each on its own (`Segments.put`): they are a cache, and text does not wait for
 * them.
 */
import { StoreError } from "../util/errors";
import {
  assertConversation,
  type ConversationChanges,
  conversationIn,
  type ConversationRecord,
  storedConversation,
} from "./conversations";
import {
  type Database,
  type Durability,
  keysOf,
  type SegmentKey,
  type Transaction,
} from "./database";
import { HALVES } from "../util/kv-half";
import { idAfter } from "./foreign";
import { readRound, type RoundRecord, storableRound } from "./rounds";
import { readSegment, type SegmentRecord } from "./segments";

export interface WriteRoundsOptions {
  /** Whether the chat was stored before: if another tab deleted it, it is not brought back. */
  isKnown?: boolean;
  /** Other changes to the chat. */
  changes?: ConversationChanges;
  /** `relaxed` unless the rounds must survive a power cut right afterwards. */
  durability?: Durability;
}

type WriteTransaction = Transaction<
  "conversations" | "rounds" | "segments" | "uses",
  "readwrite"
>;

/** For error messages. */
const DOING = "save a message";

/**
 * Adds or replaces rounds of a chat, and creates the chat if necessary. An existing chat keeps its title, system
 * prompt and creation time; so do rounds.
 *
 * @returns whether the chat is new
 * @throws StoreError `missing` if the chat was deleted meanwhile, `quota` if there is no room
 */
export async function writeRounds(
  database: Database,
  conversation: ConversationRecord,
  rounds: readonly RoundRecord[],
  { isKnown = false, changes, durability = "relaxed" }: WriteRoundsOptions = {},
): Promise<boolean> {
  assertConversation(conversation);
  const storable = rounds.map(storableRound);
  return database.run(
    DOING,
    ["conversations", "rounds", "segments", "uses"],
    "readwrite",
    async (transaction) => {
      const before = isKnown
        ? await conversationIn(transaction, conversation.id, DOING)
        : await storedConversation(transaction, conversation.id);
      const isEmpty = await hasNothingOf(transaction, conversation.id);
      const put = isEmpty ? putNewRound : putRound;
      // Requests are queued without waiting for each other's answers: imports write whole chats.
      const wereThere = await Promise.all(
        storable.map((round) => put(transaction, round)),
      );
      const isNew = wereThere.includes(false);
      const { nextId: idBefore = 0, model = conversation.model } = before ?? {};
      await transaction.objectStore("conversations").put({
        ...conversation,
        ...before,
        title: before?.title || conversation.title,
        // Without a loaded model, the chat's last model stays.
        model: conversation.model.name === "" ? model : conversation.model,
        updatedMs: conversation.updatedMs,
        nextId: Math.max(
          idBefore,
          conversation.nextId ?? 0,
          idAfter(storable.map(({ id }) => id)),
        ),
        // A new round becomes the shown one.
        ...(isNew && { shownId: undefined }),
        ...changes,
      } satisfies ConversationRecord);
      return before === undefined;
    },
    durability,
  );
}

async function hasNothingOf(
  transaction: WriteTransaction,
  conversationId: string,
): Promise<boolean> {
  // Of a long chat, counting would go through all keys at each write.
  const first = await Promise.all(
    (["rounds", "segments"] as const).map((name) =>
      transaction.objectStore(name).getKey(keysOf(conversationId)),
    ),
  );
  return first.every((key) => key === undefined);
}

/** Puts a round of a chat of which nothing is stored yet. */
async function putNewRound(
  transaction: WriteTransaction,
  round: RoundRecord,
): Promise<false> {
  await transaction.objectStore("rounds").put(round);
  return false;
}

/**
 * Puts a round, and deletes segments that don't match it any more. An unreadable record is not overwritten: its
 * text may still be recovered by other means.
 *
 * @returns whether it existed before
 */
async function putRound(
  transaction: WriteTransaction,
  round: RoundRecord,
): Promise<boolean> {
  const store = transaction.objectStore("rounds");
  const key = [round.conversationId, round.id] as [string, number];
  const value: unknown = await store.get(key);
  const before = readRound(value);
  if (value !== undefined && before === undefined) {
    throw new StoreError(
      "failed",
      `Could not ${DOING}: round ${round.id} of the chat is damaged on disk. Export the chat, and continue in a new one.`,
    );
  }
  if (before?.contentHash !== round.contentHash) {
    await deleteSegments(transaction, key, (segment) => {
      // The segment may have been written before its round's record was.
      return !segment?.fingerprint.endsWith(round.contentHash);
    });
  } else if (String(before.attended) !== String(round.attended)) {
    await deleteSegments(transaction, key, (segment) => {
      return segment?.half !== "lower";
    });
  }
  const isSame = before?.contentHash === round.contentHash;
  await store.put({
    ...round,
    createdMs: before?.createdMs ?? round.createdMs,
    // Segments of earlier versions don't record this themselves.
    ...(isSame && {
      kvContext: before.kvContext,
      isApproximate: before.isApproximate,
    }),
  });
  return before !== undefined;
}

async function deleteSegments(
  transaction: WriteTransaction,
  roundKey: [string, number],
  isOutdated: (segment: SegmentRecord | undefined) => boolean,
): Promise<void> {
  const store = transaction.objectStore("segments");
  for (const half of HALVES) {
    const key: SegmentKey = [...roundKey, half];
    if (!isOutdated(readSegment(await store.get(key)))) continue;
    await store.delete(key);
    await transaction.objectStore("uses").delete(key);
  }
}
