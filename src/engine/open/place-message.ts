/**
 * Puts a message into a chat: at its end, or in another place, with copies of the rounds that are to follow it.
 * The user's text is on the disk once it is in the chat, whatever its reply has to wait for.
 */
import { HALVES } from "../../util/kv-half";
import type { MessageOptions, MessagePlace, RoundText } from "../api/chats";
import type { TextWriter } from "../archive/text-writer";
import { type ChatRound, isUnanswered, newChatRound } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { OpenChat } from "./open-chats";

export interface PlacedMessage {
  round: ChatRound;
  /** Whether it is stored; if not, the archive has warned. */
  isSaved: boolean;
}

/**
 * Adds a message to a chat: with all rounds that follow it, or not at all.
 *
 * @throws RangeError for an invalid place
 */
export async function placeMessage(
  { conversation, bound }: OpenChat,
  text: TextWriter,
  message: string,
  { place, results }: MessageOptions = {},
): Promise<PlacedMessage> {
  const { behind, later } = placeIn(conversation, place);
  const round = newChatRound({
    id: conversation.takeId(),
    parentId: behind.id,
    user: message,
    ...(results && results.length > 0 && { results }),
  });
  round.isAwaited = true;
  const copies = copiesBehind(conversation, round.id, later);
  const rounds = [round, ...copies];
  const isSaved = await addRounds(conversation, text, rounds, later);
  bound?.readCopies(copies, later);
  return { round, isSaved };
}

/**
 * Adds rounds that were said elsewhere, all or none.
 *
 * @throws RangeError for an invalid place
 */
export async function placeRounds(
  chat: OpenChat,
  text: TextWriter,
  said: readonly RoundText[],
  place?: MessagePlace,
): Promise<void> {
  const { conversation } = chat;
  const { behind, later } = placeIn(conversation, place);
  const rounds = conversation.given(said, behind.id);
  const { id } = rounds.at(-1) ?? behind;
  const copies = copiesBehind(conversation, id, later);
  await addRounds(conversation, text, [...rounds, ...copies], later);
  chat.bound?.readAdded(rounds);
  chat.bound?.readCopies(copies, later);
}

/**
 * Writes new rounds, then shows the branch that ends with them.
 *
 * @param copied the originals of the last of these rounds: copies of pinned rounds are pinned
 * @returns whether they are stored
 */
export async function addRounds(
  conversation: Conversation,
  text: TextWriter,
  rounds: readonly ChatRound[],
  copied: readonly ChatRound[] = [],
): Promise<boolean> {
  const copies = rounds.slice(rounds.length - copied.length);
  const pinnedCopies = copies.filter((_, i) =>
    conversation.pinned.has(copied[i]!.id),
  );
  const pinnedIds = [
    ...conversation.pinned,
    ...pinnedCopies.map(({ id }) => id),
  ];
  const changes = pinnedCopies.length > 0 ? { pinnedIds } : {};
  const isSaved = await text.save(conversation, rounds, changes);
  conversation.add(...rounds);
  conversation.pin(pinnedIds);
  return isSaved;
}

/**
 * Copies of rounds to put behind another one; the originals stay as they are. Copies share the stored KV of their
 * originals.
 *
 * @param parentId of the first of them; each of the others follows the one before
 */
export function copiesBehind(
  conversation: Conversation,
  parentId: number,
  rounds: readonly ChatRound[],
): ChatRound[] {
  const copyIds = new Map<number, number>();
  let behind = parentId;
  return rounds.map((round) => {
    const { attended } = round;
    const copy = newChatRound({
      ...round,
      id: conversation.takeId(),
      parentId: behind,
      attended: attended && attended.map((id) => copyIds.get(id) ?? id),
      kvFrom: round.kvFrom ?? { roundId: round.id },
    });
    for (const half of HALVES) {
      copy[half].stored = round[half].stored;
      copy[half].place = round[half].place ?? { roundId: round.id };
    }
    copyIds.set(round.id, copy.id);
    behind = copy.id;
    return copy;
  });
}

/** @throws RangeError if there are no such rounds in the shown branch */
function placeIn(
  conversation: Conversation,
  place: MessagePlace | undefined,
): { behind: ChatRound; later: ChatRound[] } {
  const { branch } = conversation;
  if (place === undefined) {
    // A message that is left unanswered becomes another version of the new one.
    const isFollowed = (round: ChatRound) =>
      round.isAwaited || !isUnanswered(round);
    return { behind: branch.findLast(isFollowed)!, later: [] };
  }
  const { behind, before } = place;
  const at = conversation.placeOf(behind);
  const from = before === undefined ? undefined : conversation.placeOf(before);
  if (from !== undefined && from <= at)
    throw new RangeError(
      `Round ${before} does not come after round ${behind}.`,
    );
  return {
    behind: branch[at]!,
    later: from === undefined ? [] : branch.slice(from),
  };
}
