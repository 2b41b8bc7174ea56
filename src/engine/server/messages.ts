/**
 * What a server is sent of a chat. The same rounds always make the same messages, in the same order and bytes, and a
 * new round adds to their end: servers find what they have read before by that.
 */
import { withoutThinking } from "../../model/text/thinking-range";
import type { ChatRound } from "../chat/chat-round";
import type { ToolCall } from "../../store/tools";
import { documentMessage } from "../chat/document";

export type ServerMessage =
  | { role: "system" | "user"; content: string }
  | {
      role: "assistant";
      content: string;
      tool_calls?: readonly object[];
    }
  | { role: "tool"; content: string; tool_call_id: string };

type AskedRound = Pick<ChatRound, "user" | "results">;
type SaidRound = AskedRound & Pick<ChatRound, "reply" | "document" | "calls">;

/**
 * @param rounds those before the question, without the system prompt's
 * @param separator put in front of each message of the user, so that every round is a text of its own
 */
export function messagesOf(
  system: string | undefined,
  rounds: readonly SaidRound[],
  question: AskedRound,
  separator = "",
): ServerMessage[] {
  const asked = ({ user, results = [] }: AskedRound): ServerMessage[] => [
    ...results.map(({ callId, content }) => ({
      role: "tool" as const,
      tool_call_id: callId,
      content,
    })),
    ...(user === "" && results.length > 0
      ? []
      : [{ role: "user" as const, content: separator + user }]),
  ];
  const said = rounds.flatMap((round): ServerMessage[] => {
    const { document, user, reply, calls } = round;
    const isDocument = document !== undefined;
    return [
      ...asked(isDocument ? { user: documentMessage(user) } : round),
      {
        role: "assistant",
        content: withoutThinking(reply),
        ...(calls && { tool_calls: calls.map(callOf) }),
      },
    ];
  });
  return [
    ...(system ? [{ role: "system", content: system } as const] : []),
    ...said,
    ...asked(question),
  ];
}

function callOf({ id, name, arguments: given }: ToolCall): object {
  const called = { name, arguments: JSON.stringify(given) };
  return { id, type: "function", function: called };
}
