/** Checks the messages of a request. */
import {
  type AskedReply,
  askedIn,
  type SaidMessage,
} from "../chats/asked-reply";
import { type ApiError, badField } from "./api-error";
import { readCalls } from "./tools";

type Role = SaidMessage["role"];

const ROLES: ReadonlyMap<unknown, Role> = new Map<unknown, Role>([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["assistant", "assistant"],
  ["tool", "tool"],
]);

/** What a message may say beside its role and content, if it says nothing: answers of other servers have it. */
const EMPTY_FIELDS = new Set(["refusal", "audio", "annotations"]);

/** @throws ApiError that names the message and its field */
export function readMessages(messages: unknown): AskedReply {
  if (!Array.isArray(messages) || messages.length === 0)
    throw wrong("messages", "messages must be a list of at least one message.");
  return askedIn(messages.map(readMessage), (problem, at) =>
    at === undefined
      ? wrong("messages", `messages ${problem}`)
      : wrong(`messages[${at}].role`, `messages[${at}].role ${problem}`),
  );
}

function readMessage(message: unknown, at: number): SaidMessage {
  const name = `messages[${at}]`;
  if (Object(message) !== message)
    throw wrong(name, `${name} must be an object.`);
  const { role, content, ...rest } = message as Record<string, unknown>;
  const { tool_calls, tool_call_id, ...others } = rest;
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
  const isWithCalls = known === "assistant" && (tool_calls ?? null) !== null;
  const text =
    isWithCalls && (content ?? null) === null
      ? ""
      : readContent(content, `${name}.content`);
  if (known === "tool") {
    if (typeof tool_call_id === "string")
      return { role: known, text, callId: tool_call_id };
    throw wrong(
      `${name}.tool_call_id`,
      `${name}.tool_call_id must be the id of a call before it.`,
    );
  }
  if (!isWithCalls) return { role: known, text };
  const calls = readCalls(tool_calls, `${name}.tool_calls`);
  return { role: known, text, ...(calls.length > 0 && { calls }) };
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
