/** A chat as it is shown to people: the branch that they look at, and which versions there are of each round. */
import { SYSTEM_ROUND } from "../../memory/round";
import type { ChatHistory, ChatSummary, HistoryRound } from "../api/chats";
import type { ChatRound } from "./chat-round";
import { chatTitle } from "./chat-title";
import type { Conversation } from "./conversation";

/** What is known of a chat beside what was said in it. */
export interface ChatFacts {
  access: ChatHistory["access"];
  summary: ChatSummary;
  /** Rounds that are damaged in the store. */
  damagedRounds: number;
}

export function historyOf(
  conversation: Conversation,
  { access, summary, damagedRounds }: ChatFacts,
): ChatHistory {
  const { branch, system } = conversation;
  const versions = versionsIn(conversation);
  return {
    summary: { ...summary, title: titleOf(conversation, summary.title) },
    system,
    access,
    ...(damagedRounds > 0 && { damagedRounds }),
    rounds: branch
      .filter(({ id }) => id !== SYSTEM_ROUND)
      .map((round) => historyRound(round, versions(round), conversation)),
  };
}

/** What a chat is called: as somebody named it, else by what was said first. */
export function titleOf({ all }: Conversation, given: string): string {
  const first = all.find(({ user }) => user !== "");
  return given || chatTitle(first?.document ?? first?.user ?? "");
}

function historyRound(
  round: ChatRound,
  versions: number[],
  { pinned }: Conversation,
): HistoryRound {
  const { id, document, user, reply, isFinished, attended } = round;
  return {
    id,
    versions,
    document,
    message: user,
    reply,
    isFinished,
    ...(pinned.has(id) && { isPinned: true }),
    attended: attended && attended.filter((one) => one !== SYSTEM_ROUND),
  };
}

/** Ids of all that was said in the place of a round, oldest first. Documents have no versions. */
function versionsIn({ all }: Conversation): (round: ChatRound) => number[] {
  const siblings = new Map<number | null, number[]>();
  for (const { id, parentId, document } of all) {
    if (document !== undefined || id === SYSTEM_ROUND) continue;
    const known = siblings.get(parentId);
    if (known === undefined) siblings.set(parentId, [id]);
    else known.push(id);
  }
  return ({ id, parentId, document }) =>
    document === undefined ? [...(siblings.get(parentId) ?? [])] : [id];
}
