/** What was said, message by message, as rounds: a message and its reply each, and the last message, to be answered. */
import type { RoundText, ToolCall, ToolResult } from "../../engine/api/chats";
import type { Conversed } from "./plan-chat";

export type SaidMessage =
  | { role: "system" | "user"; text: string }
  | { role: "assistant"; text: string; calls?: readonly ToolCall[] }
  /** What a call of the assistant's gave. */
  | { role: "tool"; text: string; callId: string };

/** A message, and all that a model is to read before it. */
export interface AskedReply extends Conversed {
  readonly message: string;
  readonly results?: readonly ToolResult[] | undefined;
}

/**
 * Messages of the system stand in front and are one; so are messages that follow each other from the same side.
 *
 * @param failed makes the error: what is wrong with the messages, or with one of them
 * @throws that error
 */
export function askedIn(
  said: readonly SaidMessage[],
  failed: (problem: string, at?: number) => Error,
): AskedReply {
  const begin = said.findIndex(({ role }) => role !== "system");
  const spoken = begin < 0 ? [] : said.slice(begin);
  const late = spoken.findIndex(({ role }) => role === "system");
  if (late >= 0)
    throw failed(
      "must not be of the system: such messages come before all others.",
      begin + late,
    );
  if (!["user", "tool"].includes(spoken.at(-1)?.role ?? ""))
    throw failed(
      "must end with one of the user or of a tool: it is the one that is answered.",
    );
  const system = said.slice(0, said.length - spoken.length);
  const names = new Map<string, string>();
  for (const [i, one] of spoken.entries()) {
    if (one.role === "assistant")
      for (const { id, name } of one.calls ?? []) names.set(id, name);
    if (one.role === "tool" && !names.has(one.callId))
      throw failed(
        `is of a tool, and no message before it has the call ${one.callId}.`,
        begin + i,
      );
  }
  return { system: joined(system) || undefined, ...roundsOf(spoken, names) };
}

/** @param names of the tools, by the ids of calls */
function roundsOf(
  spoken: readonly SaidMessage[],
  names: ReadonlyMap<string, string>,
): Pick<AskedReply, "rounds" | "message" | "results"> {
  const rounds: RoundText[] = [];
  let asking: SaidMessage[] = [];
  let answering: SaidMessage[] = [];
  for (const one of spoken) {
    if (one.role !== "assistant" && answering.length > 0) {
      const calls = answering.flatMap((answer) =>
        answer.role === "assistant" ? (answer.calls ?? []) : [],
      );
      rounds.push({
        ...askedBy(asking, names),
        reply: joined(answering),
        ...(calls.length > 0 && { calls }),
      });
      asking = [];
      answering = [];
    }
    (one.role === "assistant" ? answering : asking).push(one);
  }
  return { rounds, ...askedBy(asking, names) };
}

function askedBy(
  asking: readonly SaidMessage[],
  names: ReadonlyMap<string, string>,
): Pick<AskedReply, "message" | "results"> {
  const results = asking.flatMap((one) =>
    one.role === "tool"
      ? [
          {
            callId: one.callId,
            name: names.get(one.callId)!,
            content: one.text,
          },
        ]
      : [],
  );
  const message = joined(asking.filter(({ role }) => role === "user"));
  return results.length > 0 ? { message, results } : { message };
}

function joined(said: readonly SaidMessage[]): string {
  return said
    .map(({ text }) => text)
    .filter((text) => text !== "")
    .join("\n\n");
}
