/** Messages of a request as rounds: a message and its reply each, and the last message, which is to be answered. */
import type { RoundText } from "../../engine/api/chats";
import type { AskedReply } from "../chats/stateless-chats";
import { type ApiError, badField } from "./api-error";

type Role = "system" | "user" | "assistant";

interface Said {
  role: Role;
  text: string;
}

const ROLES: ReadonlyMap<unknown, Role> = new Map<unknown, Role>([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["assistant", "assistant"],
]);

/** What a message may say beside its role and content, if it says nothing: answers of other servers have it. */
const EMPTY_FIELDS = new Set(["refusal", "audio", "tool_calls", "annotations"]);

/**
 * Instructions stand in front and are one; so are messages that follow each other from the same side.
 *
 * @throws ApiError that names the message and its field
 */
export function readMessages(messages: unknown): AskedReply {
  if (!Array.isArray(messages) || messages.length === 0)
    throw wrong("messages", "messages must be a list of at least one message.");
  const said = messages.map(readMessage);
  const begin = said.findIndex(({ role }) => role !== "system");
  const spoken = begin < 0 ? [] : said.slice(begin);
  const late = spoken.findIndex(({ role }) => role === "system");
  if (late >= 0)
    throw wrong(
      `messages[${begin + late}].role`,
      `messages[${begin + late}].role must not be system or developer: such messages come before all others.`,
    );
  if (spoken.at(-1)?.role !== "user")
    throw wrong(
      "messages",
      "messages must end with one of the user: it is the one that is answered.",
    );
  const system = said.slice(0, said.length - spoken.length);
  const { rounds, message } = roundsOf(spoken);
  return { system: joined(system) || undefined, rounds, message };
}

function roundsOf(spoken: readonly Said[]): {
  rounds: RoundText[];
  message: string;
} {
  const rounds: RoundText[] = [];
  let asking: Said[] = [];
  let answering: Said[] = [];
  const take = () => {
    rounds.push({ message: joined(asking), reply: joined(answering) });
    asking = [];
    answering = [];
  };
  for (const one of spoken) {
    if (one.role === "user" && answering.length > 0) take();
    (one.role === "user" ? asking : answering).push(one);
  }
  return { rounds, message: joined(asking) };
}

function joined(said: readonly Said[]): string {
  return said.map(({ text }) => text).join("\n\n");
}

function readMessage(message: unknown, at: number): Said {
  const name = `messages[${at}]`;
  if (Object(message) !== message)
    throw wrong(name, `${name} must be an object.`);
  const { role, content, ...others } = message as Record<string, unknown>;
  const known = ROLES.get(role);
  if (known === undefined)
    throw wrong(
      `${name}.role`,
      `${name}.role must be one of ${[...ROLES.keys()].join(", ")}.`,
    );
  for (const [field, value] of Object.entries(others)) {
    const isEmpty =
      value === null || (Array.isArray(value) && value.length === 0);
    if (value === undefined || (isEmpty && EMPTY_FIELDS.has(field))) continue;
    throw badField(
      `${name}.${field}`,
      `Rondo does not support ${name}.${field}.`,
      "unsupported_parameter",
    );
  }
  return { role: known, text: readContent(content, `${name}.content`) };
}

function readContent(content: unknown, name: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content))
    throw wrong(name, `${name} must be a string or a list of text parts.`);
  return content
    .map((part: unknown, at) => {
      const { type, text } = (part ?? {}) as Record<string, unknown>;
      if (type !== "text")
        throw wrong(
          `${name}[${at}].type`,
          `${name}[${at}].type must be "text": Rondo reads nothing else.`,
        );
      if (typeof text !== "string")
        throw wrong(
          `${name}[${at}].text`,
          `${name}[${at}].text must be a string.`,
        );
      return text;
    })
    .join("\n");
}

function wrong(param: string, message: string): ApiError {
  return badField(param, message, "invalid_value");
}
