/**
 * What a server is sent of a chat. The same rounds always make the same messages, in the same order and bytes, and a
 * new round adds to their end: servers find what they have read before by that.
 */
import { withoutThinking } from "../../model/text/thinking-range";
import type { ChatRound } from "../chat/chat-round";
import { documentMessage } from "../chat/document";

export interface ServerMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

type SaidRound = Pick<ChatRound, "user" | "reply" | "document">;

/**
 * @param rounds those before the question, without the system prompt's
 * @param separator put in front of each message of the user, so that every round is a text of its own
 */
export function messagesOf(
  system: string | undefined,
  rounds: readonly SaidRound[],
  question: string,
  separator = "",
): ServerMessage[] {
  const asked = (content: string): ServerMessage => ({
    role: "user",
    content: separator + content,
  });
  const said = rounds.flatMap(({ user, reply, document }): ServerMessage[] => [
    asked(document === undefined ? user : documentMessage(user)),
    { role: "assistant", content: withoutThinking(reply) },
  ]);
  return [
    ...(system ? [{ role: "system", content: system } as const] : []),
    ...said,
    asked(question),
  ];
}
