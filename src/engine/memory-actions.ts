/** What people do to memory by hand: KV is taken off the GPU, or forgotten. Text is never touched. */
import type { Residency } from "../memory/residency";
import { HALVES } from "../memory/round";
import type { ChatRound } from "./conversation";
import type { Desk } from "./desk";
import type { Shelf } from "./shelf";
import { forgetKv } from "./staleness";

/** @throws RangeError where there is no such round; Error where a turn needs it */
export function assertNotInUse(
  { chat, session: { residency } }: Desk,
  roundId: number,
): ChatRound {
  const { all } = chat.conversation;
  const round = all.find(({ id }) => id === roundId);
  if (!round)
    throw new RangeError(`There is no round ${roundId} in this chat.`);
  if (HALVES.some((half) => residency.isPinned(round, half)))
    throw new Error(
      `Round ${roundId} is in use: the reply that is being given reads it. Try again when that has ended.`,
    );
  return round;
}

/**
 * Takes a round off the GPU, stored before as far as the store has room. While no turn runs.
 *
 * @throws RangeError where there is no such round
 */
export async function evictRound(desk: Desk, roundId: number): Promise<void> {
  const { residency } = desk.session;
  await desk.keeper.packed();
  desk.keepKv([assertNotInUse(desk, roundId)]);
  await desk.kept();
  const round = assertNotInUse(desk, roundId);
  for (const half of HALVES) residency.drop(round, half);
  // What comes back is what is stored.
  round.isRepaired = false;
}

/**
 * Forgets the KV of a chat, or of all chats and documents, on the GPU and stored. While no turn runs.
 *
 * @throws RangeError where there is no such chat; ChatBusyError; StoreError
 */
export async function wipeKv(
  { archive, chats, keeper }: Shelf,
  residency: Residency | undefined,
  chatId: string | undefined,
): Promise<void> {
  await keeper.packed();
  const bound = await chats.forgetKv(chatId);
  await archive.wipeKv(chatId);
  for (const { conversation } of bound) {
    for (const round of conversation.all) forgetKv(residency, round);
    conversation.lastAttention = undefined;
  }
}
