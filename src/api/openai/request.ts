/** Checks a request once, at the border, and says what is wrong with it in the way that clients know. */
import type { ReplyOptions } from "../../engine/api/replies";
import { ownValue } from "../../util/own-value";
import type { AskedReply } from "../chats/asked-reply";
import { ApiError, badField } from "./api-error";
import { readMessages } from "./messages";
import { readTools } from "./tools";
import { REFUSED, SETTINGS, WITHOUT_EFFECT } from "./request-fields";

export interface ReadRequest {
  model: string;
  asked: AskedReply;
  options: ReplyOptions;
  streams: boolean;
  /** Whether the stream ends with the usage. */
  withUsage: boolean;
}

/** @throws ApiError that names the field */
export function readRequest(body: unknown): ReadRequest {
  if (Object(body) !== body || Array.isArray(body))
    throw new ApiError(400, "The request must be an object.");
  const { model, messages, tools, stream, stream_options, ...others } =
    given(body);
  if (typeof model !== "string")
    throw wrong("model", "a string, the name of the model");
  return {
    model,
    asked: { ...readMessages(messages), tools: readTools(tools) },
    options: readSettings(others),
    streams: readBoolean("stream", stream),
    withUsage: readStreamOptions(stream_options),
  };
}

/** The fields that have a value. */
function given(value: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value as object).filter(
      ([, one]) => one !== undefined && one !== null,
    ),
  );
}

function readSettings(fields: Record<string, unknown>): ReplyOptions {
  for (const [name, value] of Object.entries(fields)) {
    if (Object.hasOwn(SETTINGS, name) || WITHOUT_EFFECT.has(name)) continue;
    const nothing = ownValue(REFUSED, name);
    if (nothing === undefined)
      throw badField(
        name,
        `Unknown parameter: ${name}. Rondo takes model, messages, tools, stream, stream_options, ${Object.keys(SETTINGS).join(", ")}.`,
        "unknown_parameter",
      );
    if (!nothing.some((one) => isSame(one, value)))
      throw badField(
        name,
        `Rondo does not support ${name}${name === "n" ? " other than 1" : ""}.`,
        "unsupported_parameter",
      );
  }
  let options: ReplyOptions = {};
  for (const [name, { kind, options: optionsOf }] of Object.entries(SETTINGS)) {
    const value = ownValue(fields, name);
    if (value === undefined) continue;
    if (!kind.is(value)) throw wrong(name, kind.words);
    const { sampler, ...more } = optionsOf(value as never);
    options = {
      ...options,
      ...more,
      ...(sampler && { sampler: { ...options.sampler, ...sampler } }),
    };
  }
  return options;
}

function readStreamOptions(value: unknown): boolean {
  if (value === undefined) return false;
  if (Object(value) !== value) throw wrong("stream_options", "an object");
  const { include_usage, include_obfuscation: _, ...others } = given(value);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw badField(
      `stream_options.${unknown}`,
      `Unknown parameter: stream_options.${unknown}.`,
      "unknown_parameter",
    );
  return readBoolean("stream_options.include_usage", include_usage);
}

function readBoolean(name: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw wrong(name, "true or false");
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function wrong(name: string, expected: string): ApiError {
  return badField(name, `${name} must be ${expected}.`, "invalid_value");
}
