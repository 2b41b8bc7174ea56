/** Builds stored chats, as an engine returns them. */
import type { ChatHistory, HistoryRound } from "../../src/engine/api/chats";
import type { ChatDocument } from "../../src/engine/api/replies";
import { fakeModel } from "./fake-calls";

/** A stored chat of these messages and replies, last changed `daysAgo`. */
export function keptChat(
  id: string,
  said: readonly [message: string, reply: string][],
  { daysAgo = 0, title = said[0]?.[0] ?? "" } = {},
): ChatHistory {
  const changedMs = Date.now() - daysAgo * 24 * 60 * 60 * 1000;
  return {
    summary: {
      id,
      title,
      createdMs: changedMs,
      updatedMs: changedMs,
      modelName: fakeModel.name,
    },
    system: undefined,
    access: "write",
    rounds: said.map(([message, reply], i) => keptRound(i + 1, message, reply)),
  };
}

export function keptRound(
  id: number,
  message: string,
  reply: string,
  more: Partial<HistoryRound> = {},
): HistoryRound {
  const known = { isFinished: true, attended: null };
  return { id, versions: [id], message, reply, ...known, ...more };
}

/** A round that is a document. */
export function keptDocument(
  id: number,
  { name, text }: ChatDocument,
): HistoryRound {
  return keptRound(id, text, "", { document: name });
}
