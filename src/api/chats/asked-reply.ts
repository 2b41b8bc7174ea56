/** What was said, message by message, as rounds: a message and its reply each, and the last message, to be answered. */
import type { RoundText } from "../../engine/api/chats";
import type { Conversed } from "./plan-chat";

export interface SaidMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

/** A message, and all that a model is to read before it. */
export interface AskedReply extends Conversed {
  readonly message: string;
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
  if (spoken.at(-1)?.role !== "user")
    throw failed(
      "must end with one of the user: it is the one that is answered.",
    );
  const system = said.slice(0, said.length - spoken.length);
  return { system: joined(system) || undefined, ...roundsOf(spoken) };
}

function roundsOf(spoken: readonly SaidMessage[]): {
  rounds: RoundText[];
  message: string;
} {
  const rounds: RoundText[] = [];
  let asking: SaidMessage[] = [];
  let answering: SaidMessage[] = [];
  for (const one of spoken) {
    if (one.role === "user" && answering.length > 0) {
      rounds.push({ message: joined(asking), reply: joined(answering) });
      asking = [];
      answering = [];
    }
    (one.role === "user" ? asking : answering).push(one);
  }
  return { rounds, message: joined(asking) };
}

function joined(said: readonly SaidMessage[]): string {
  return said.map(({ text }) => text).join("\n\n");
}
