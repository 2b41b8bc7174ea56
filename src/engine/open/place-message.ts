/**
 * Where a message goes in a chat: behind what was said last, or in another place, with what follows there put
 * behind it. The user's text is on the disk when it is in the chat, whatever a reply to it has to wait for.
 */
import { HALVES } from "../../util/kv-half";
import type { MessagePlace } from "../api/chats";
import type { TextWriter } from "../archive/text-writer";
import { type ChatRound, isUnanswered, newChatRound } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { OpenChat } from "./open-chats";

export interface PlacedMessage {
  round: ChatRound;
  /** Whether it is kept; where not, the archive has told why. */
  isSaved: boolean;
}

/**
 * Puts a message into a chat. It is in the tree with all that follows it, or not at all.
 *
 * @throws RangeError where the place is none
 */
export async function placeMessage(
  { conversation }: OpenChat,
  text: TextWriter,
  message: string,
  place?: MessagePlace,
): Promise<PlacedMessage> {
  const { behind, later } = placeIn(conversation, place);
  const round = newChatRound({
    id: conversation.takeId(),
    parentId: behind.id,
    user: message,
  });
  round.isAwaited = true;
  const copies = copiesBehind(conversation, round.id, later);
  return {
    round,
    isSaved: await addRounds(conversation, text, [round, ...copies], later),
  };
}

/**
 * Writes new rounds, then shows the branch that ends with them.
 *
 * @param copied rounds that the last ones are copies of: these are pinned where those are
 * @returns whether they are kept
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
 * Rounds that say what others said, to be put behind another one: new rounds, for what those were in stays as
 * it is. Their KV is found where that of the others is.
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

/** @throws RangeError where there are no such rounds in the branch that is shown */
function placeIn(
  conversation: Conversation,
  place: MessagePlace | undefined,
): { behind: ChatRound; later: ChatRound[] } {
  const { branch } = conversation;
  if (place === undefined) {
    // A message that nobody answers any more is another version of what is said now.
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
