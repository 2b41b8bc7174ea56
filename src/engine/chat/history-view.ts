/** A chat as the page shows it: the shown branch, with the versions of each round. */
import { SYSTEM_ROUND } from "../../memory/round";
import type { ChatHistory, ChatSummary, HistoryRound } from "../api/chats";
import { type ChatRound, isUnanswered } from "./chat-round";
import { chatTitle } from "./chat-title";
import type { Conversation } from "./conversation";

/** Facts about a chat beside its rounds. */
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
  const { branch, system, tools } = conversation;
  const versions = versionsIn(conversation);
  return {
    summary: { ...summary, title: titleOf(conversation, summary.title) },
    system,
    ...(tools && { tools }),
    access,
    ...(damagedRounds > 0 && { damagedRounds }),
    rounds: branch
      .filter(({ id }) => id !== SYSTEM_ROUND)
      .map((round) => historyRound(round, versions(round), conversation)),
  };
}

/** A chat's title: the user's, else made from its first message. */
export function titleOf({ all }: Conversation, given: string): string {
  const first = all.find(({ user }) => user !== "");
  return given || chatTitle(first?.document ?? first?.user ?? "");
}

function historyRound(
  round: ChatRound,
  versions: number[],
  { pinned }: Conversation,
): HistoryRound {
  const { id, document, user, reply, isFinished, attended, modelName } = round;
  const { calls, results } = round;
  return {
    id,
    versions,
    document,
    message: user,
    reply,
    ...(calls && { calls }),
    ...(results && { results }),
    isFinished,
    ...(pinned.has(id) && { isPinned: true }),
    ...(modelName !== undefined && !isUnanswered(round) && { modelName }),
    attended: attended && attended.filter((one) => one !== SYSTEM_ROUND),
  };
}

/** Ids of all versions of a round, oldest first. Documents have no versions. */
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
