/**
 * Changes to what was said: another version of a message, rounds in another order, one less, another
 * system prompt. The text changes at once and KV stays where it is; staleness.ts says what it is worth then.
 */
import type { Residency } from "../memory/residency";
import { HALVES } from "../memory/round";
import { withAllThatRead } from "../store/round-tree";
import type { BoundChat } from "./chat";
import type { MessagePlace } from "./chat-engine";
import type { ChatRound, Conversation } from "./conversation";
import { forgetKv } from "./staleness";

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
    copyIds.set(round.id, copy.id);
    return copy;
  });
}

/**
 * Has the branch show a round behind another one.
 *
 * @returns the rounds that are new for that
 * @throws RangeError where there are no such rounds
 */
export function moveRound(
  conversation: Conversation,
  id: number,
  behind: number,
): ChatRound[] {
  const { rounds } = conversation;
  const before = [...rounds];
  const moved = before[conversation.placeOf(id)]!;
  const rest = before.filter((round) => round !== moved);
  const at = rest.findIndex((round) => round.id === behind);
  if (at < 0 || id === before[0]!.id)
    throw new RangeError(`Round ${id} can't go behind round ${behind}.`);
  const after = rest.toSpliced(at + 1, 0, moved);
  const first = after.findIndex((round, i) => round !== before[i]);
  if (first < 0) return [];
  conversation.cutBehind(before[first - 1]!.id);
  return copyBehind(conversation, after.slice(first));
}

/**
 * Takes a round out of all branches.
 *
 * @param isFast leaves KV that was computed with the round in view
 * @throws RangeError where there is no such round, or its pages are needed
 */
export function removeRound(
  conversation: Conversation,
  residency: Residency,
  id: number,
  isFast: boolean,
): void {
  const { all } = conversation;
  const gone = all.find((round) => round.id === id);
  if (!gone || gone === all[0])
    throw new RangeError(`There is no round ${id} in this chat.`);
  const readers = isFast ? new Set([id]) : withAllThatRead(all, id);
  for (const round of all)
    if (readers.has(round.id)) forgetKv(residency, round);
  conversation.remove(id);
}

/**
 * Gives a chat another system prompt.
 *
 * @returns the rounds whose tokens are others now
 */
export function changeSystem(
  chat: BoundChat,
  residency: Residency,
  system: string | undefined,
): ChatRound[] {
  const changed = chat.setSystem(system);
  for (const round of changed) forgetKv(residency, round);
  return changed;
}
