/**
 * Converts between rounds and lists of messages, as other chat elements and APIs have them.
 */
import * as v from "valibot";
import type { RoundText } from "../../../engine/api/chats";
import type { Round } from "./round";

export interface ChatMessage {
  role: "user" | "assistant";
  /** Markdown in replies, plain text in messages. */
  content: string;
}

/** Also accepts common variants: `ai` for `assistant`, `text` for `content`. */
const messageSchema = v.pipe(
  v.object({
    role: v.picklist(["user", "assistant", "ai"]),
    content: v.optional(v.string()),
    text: v.optional(v.string()),
  }),
  v.check(
    ({ content, text }) => content !== undefined || text !== undefined,
    "a message needs its content",
  ),
  v.transform(({ role, content, text }): ChatMessage => ({
    role: role === "user" ? "user" : "assistant",
    content: content ?? text ?? "",
  })),
);

const SHAPE = `a list of { role: "user" or "assistant", content: string }`;

/** @throws TypeError with what was expected, and where something else was found */
export function checkedMessages(given: unknown): ChatMessage[] {
  const result = v.safeParse(v.array(messageSchema), given);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const where = path === null ? "" : ` at ${path}`;
  throw new TypeError(
    `Messages must be ${SHAPE}; found ${issue.received}${where}.`,
  );
}

/**
 * Messages as rounds: consecutive messages of one role are joined, and a leading reply gets an empty message. A last
 * message without a reply is left over.
 */
export function roundsOf(messages: readonly ChatMessage[]): {
  rounds: RoundText[];
  unanswered: string;
} {
  const rounds: RoundText[] = [];
  let message = "";
  for (const { role, content } of messages) {
    const last = rounds.at(-1);
    if (role === "user") message = joined(message, content);
    else if (message === "" && last !== undefined)
      last.reply = joined(last.reply, content);
    else {
      rounds.push({ message, reply: content });
      message = "";
    }
  }
  return { rounds, unanswered: message };
}

function joined(before: string, after: string): string {
  return before === "" ? after : `${before}\n\n${after}`;
}

/** Rounds as messages: a document is a user's message. */
export function messagesOf(rounds: readonly Round[]): ChatMessage[] {
  return rounds.flatMap(({ message, reply }): ChatMessage[] => [
    ...(message === "" ? [] : [{ role: "user" as const, content: message }]),
    ...(reply === "" ? [] : [{ role: "assistant" as const, content: reply }]),
  ]);
}
