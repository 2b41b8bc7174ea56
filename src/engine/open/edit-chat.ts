/**
 * Changes to what was said: another version of a message, rounds in another order, one less, another
 * system prompt. The text changes at once and KV stays where it is; staleness.ts says what it is worth then.
 */
import { HALVES } from "../../util/kv-half";
import { withAllThatRead } from "../../store/round-tree";
import type { MessagePlace } from "../api/replies";
import type { ChatRound, Conversation } from "../chat/conversation";
import type { Desk } from "../open/active-chat";
import { documentId } from "../chat/document";
import { contentHash } from "../load/fingerprint";
import { forgetKv } from "../chat/staleness";

/**
 * Has the branch end where a message is to go.
 *
 * @returns the rounds that are to follow it, to be put behind it by `copyBehind`
 * @throws RangeError where there are no such rounds
 */
export function makePlace(
  conversation: Conversation,
  { behind, before }: MessagePlace,
): ChatRound[] {
  const at = conversation.placeOf(behind);
  const from = before === undefined ? undefined : conversation.placeOf(before);
  if (from !== undefined && from <= at)
    throw new RangeError(
      `Round ${before} does not come after round ${behind}.`,
    );
  const later = from === undefined ? [] : conversation.rounds.slice(from);
  conversation.cutBehind(behind);
  return later;
}

/**
 * Puts rounds behind those that are shown: as new ones, for what they were in stays as it is. Their KV is
 * found where theirs is.
 */
export function copyBehind(
  conversation: Conversation,
  rounds: readonly ChatRound[],
): ChatRound[] {
  const copyIds = new Map<number, number>();
  return rounds.map((round) => {
    const { id: _id, parentId: _parentId, isRestored: _, ...said } = round;
    const isStored = HALVES.every((half) => round[half].storedBytes > 0);
    const copy = conversation.add({
      ...said,
      attended: round.attended?.map((id) => copyIds.get(id) ?? id) ?? null,
      kvContext: isStored ? round.kvContext : undefined,
      kvFrom: isStored ? (round.kvFrom ?? { roundId: round.id }) : undefined,
    });
    for (const half of HALVES)
      if (isStored) copy[half].storedBytes = round[half].storedBytes;
    if (conversation.pinned.has(round.id)) conversation.pinned.add(copy.id);
    copyIds.set(round.id, copy.id);
    return copy;
  });
}

/**
 * Has the branch show a round behind another one.
 *
 * @throws RangeError where there are no such rounds
 */
export async function moveRound(
  desk: Desk,
  id: number,
  behind: number,
): Promise<void> {
  const { conversation } = desk.chat;
  const before = [...conversation.rounds];
  const moved = before[conversation.placeOf(id)]!;
  const rest = before.filter((round) => round !== moved);
  const at = rest.findIndex((round) => round.id === behind);
  if (at < 0 || id === before[0]!.id)
    throw new RangeError(`Round ${id} can't go behind round ${behind}.`);
  const after = rest.toSpliced(at + 1, 0, moved);
  const first = after.findIndex((round, i) => round !== before[i]);
  if (first < 0) return;
  conversation.cutBehind(before[first - 1]!.id);
  for (const copy of copyBehind(conversation, after.slice(first)))
    await desk.keepText(copy);
  if (conversation.pinned.size > 0) await desk.keepPins();
}

/**
 * Takes a round out of all branches. Unless `isFast`, what was computed with the round in view goes too,
 * and so do its copies on other branches: nothing of it is left.
 *
 * @throws RangeError where there is no such round; StoreError
 */
export async function deleteRound(
  desk: Desk,
  id: number,
  { isFast = false }: { isFast?: boolean },
): Promise<void> {
  const { archive } = desk;
  const { conversation } = desk.chat;
  const { residency } = desk.session;
  const { all } = conversation;
  const pinCount = conversation.pinned.size;
  const gone = all.find((round) => round.id === id);
  if (!gone || gone === all[0])
    throw new RangeError(`There is no round ${id} in this chat.`);
  const copies = isFast ? [] : copiesOf(conversation, gone);
  for (const one of [id, ...copies]) {
    const readers = isFast ? new Set([one]) : withAllThatRead(all, one);
    for (const round of all)
      if (readers.has(round.id)) forgetKv(residency, round);
    conversation.remove(one);
    await archive.deleteRound(conversation.id, one, { keepsKv: isFast });
  }
  // Another round may get its id.
  if (conversation.pinned.size < pinCount) await desk.keepPins();
  if (gone.document !== undefined && !isFast)
    await archive.deleteDocument(documentId(await contentHash(gone.tokens)));
}

/** Ids of rounds on branches that are not shown in which the very same was said. */
function copiesOf(
  { all, rounds }: Conversation,
  { user, reply }: ChatRound,
): number[] {
  return all
    .filter((round) => !rounds.includes(round))
    .filter((round) => round.user === user && round.reply === reply)
    .map(({ id }) => id);
}

/** Gives a chat another system prompt. @throws StoreError */
export async function setSystem(
  desk: Desk,
  system: string | undefined,
): Promise<void> {
  const { chat, session, archive } = desk;
  const { id } = chat.conversation;
  const changed = chat.setSystem(system || undefined);
  for (const round of changed) forgetKv(session.residency, round);
  const isKept = await archive.change(id, { system: system || undefined });
  if (isKept) for (const round of changed) await desk.keepText(round);
}
