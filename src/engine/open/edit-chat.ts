/**
 * Edits of a chat: showing another version, moving or deleting a round, another system prompt. Each is written
 * first; if that fails nothing has changed. KV stays in place: its quality then follows from the tokens before it
 * (kv-state.ts).
 */
import { SYSTEM_ROUND } from "../../memory/round";
import { withAllThatRead } from "../../store/round-tree";
import type { Archive } from "../archive/archive";
import type { TextWriter } from "../archive/text-writer";
import {
  type ChatRound,
  forgetDeletedKv,
  isSameText,
  setTokens,
} from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type { OpenChat } from "./open-chats";
import { addRounds, copiesBehind } from "./place-message";

/**
 * Shows the branch through a round that was last continued.
 *
 * @throws RangeError if there is no such round; StoreError
 */
export async function showVersion(
  { conversation }: OpenChat,
  text: TextWriter,
  id: number,
): Promise<void> {
  conversation.find(id);
  await text.change(conversation, { shownId: id });
  conversation.show(id);
}

/**
 * Pins or unpins a round.
 *
 * @throws RangeError if there is no such round; StoreError
 */
export async function pinRound(
  { conversation }: OpenChat,
  text: TextWriter,
  id: number,
  isPinned: boolean,
): Promise<void> {
  // The system prompt is attended to in any case.
  saidRound(conversation, id);
  const others = [...conversation.pinned].filter((one) => one !== id);
  const pinnedIds = isPinned ? [...others, id] : others;
  await text.change(conversation, { pinnedIds });
  conversation.pin(pinnedIds);
}

/**
 * Moves a round of the branch behind another one: creates a new branch, with copies of it and of what follows.
 *
 * @throws RangeError if there are no such rounds
 */
export async function moveRound(
  { conversation, bound }: OpenChat,
  text: TextWriter,
  id: number,
  behind: number,
): Promise<void> {
  const before = conversation.branch;
  const moved = before[conversation.placeOf(id)]!;
  const rest = before.filter((round) => round !== moved);
  const at = rest.findIndex((round) => round.id === behind);
  if (at < 0 || id === SYSTEM_ROUND)
    throw new RangeError(`Round ${id} can't go behind round ${behind}.`);
  const after = rest.toSpliced(at + 1, 0, moved);
  const first = after.findIndex((round, i) => round !== before[i]);
  if (first < 0) return;
  const later = after.slice(first);
  const copies = copiesBehind(conversation, before[first - 1]!.id, later);
  await addRounds(conversation, text, copies, later);
  bound?.readCopies(copies, later);
}

/**
 * Deletes a round from all branches. Unless `isFast`, also drops the KV that was computed with the round in view,
 * and deletes its copies on other branches: no trace of it is left.
 *
 * @throws RangeError if there is no such round; StoreError
 */
export async function deleteRound(
  { conversation, bound }: OpenChat,
  archive: Pick<Archive, "deleteRounds" | "deleteDocument">,
  id: number,
  { isFast = false }: { isFast?: boolean },
): Promise<void> {
  const gone = saidRound(conversation, id);
  const ids = isFast ? [id] : [id, ...copiesOf(conversation, gone)];
  // A document's KV has an id of its own, for all chats.
  const documentId = gone.document && gone.kvFrom?.conversationId;
  if (documentId !== undefined && !isFast)
    await archive.deleteDocument(documentId);
  const shownId = conversation.shownWithout(ids);
  await archive.deleteRounds(conversation.id, ids, {
    keepsKv: isFast,
    shownId,
  });
  const goneIds = new Set(ids);
  const followers = conversation.all.filter(
    ({ parentId }) => parentId !== null && goneIds.has(parentId),
  );
  for (const one of ids) {
    const { all } = conversation;
    const readers = isFast ? new Set([one]) : withAllThatRead(all, one);
    for (const round of all) if (readers.has(round.id)) forgetDeletedKv(round);
    conversation.remove(one);
  }
  bound?.readOpenings(followers.filter(({ id }) => !goneIds.has(id)));
}

/**
 * Sets a chat's system prompt, or what its model may call.
 *
 * @throws StoreError
 */
export async function setInstructions(
  { conversation, bound }: OpenChat,
  text: TextWriter,
  changes: Partial<Pick<Conversation, "system" | "tools">>,
): Promise<void> {
  const { prefix } = conversation;
  // Whichever model reads the chat next makes the tokens again.
  const unread = { tokens: [], openTokens: 0, textFingerprint: "" };
  await text.change(conversation, changes, [{ ...prefix, ...unread }]);
  Object.assign(conversation, changes);
  if (bound) bound.readSystem();
  else setTokens(prefix, [], 0, "");
  if (prefix.saved === "all") prefix.saved = "text";
}

/** A round of the conversation. @throws RangeError if there is none, or it is the system prompt's */
function saidRound(conversation: Conversation, id: number): ChatRound {
  if (id !== SYSTEM_ROUND) return conversation.find(id);
  throw new RangeError(`There is no round ${id} in this chat.`);
}

/** Ids of rounds with the same text on branches that are not shown. */
function copiesOf({ all, branch }: Conversation, gone: ChatRound): number[] {
  return all
    .filter((round) => !branch.includes(round) && isSameText(round, gone))
    .map(({ id }) => id);
}
