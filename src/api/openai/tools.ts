/** Checks the tools of a request, and the calls in its messages. */
import type { ToolCall, ToolDefinition } from "../../engine/api/chats";
import { type ApiError, badField } from "./api-error";

const NAME = /^[\w-]{1,64}$/;
const MOST_TOOLS = 128;

/** @throws ApiError that names the tool and its field */
export function readTools(tools: unknown): ToolDefinition[] | undefined {
  if (tools === undefined) return undefined;
  if (!Array.isArray(tools) || tools.length > MOST_TOOLS)
    throw wrong("tools", `a list of at most ${MOST_TOOLS} tools`);
  const read = tools.map(readTool);
  const twice = read.findIndex(
    ({ name }, at) => read.findIndex((one) => one.name === name) < at,
  );
  if (twice >= 0)
    throw wrong(
      `tools[${twice}].function.name`,
      "another one than those before it",
    );
  return read.length > 0 ? read : undefined;
}

function readTool(tool: unknown, at: number): ToolDefinition {
  const path = `tools[${at}]`;
  const { type, function: described } = fieldsOf(tool, path);
  if (type !== "function")
    throw badField(
      `${path}.type`,
      `${path}.type must be function: Rondo has no other tools.`,
      "unsupported_parameter",
    );
  const inside = `${path}.function`;
  const { name, description, parameters } = fieldsOf(described, inside);
  if (typeof name !== "string" || !NAME.test(name))
    throw wrong(
      `${inside}.name`,
      "1 to 64 letters, digits, underscores and dashes",
    );
  if (!["string", "undefined"].includes(typeof description))
    throw wrong(`${inside}.description`, "a string");
  return {
    name,
    ...(description !== undefined && { description: description as string }),
    ...(parameters !== undefined && {
      parameters: fieldsOf(parameters, `${inside}.parameters`, false),
    }),
  };
}

/** @throws ApiError that names the call and its field */
export function readCalls(calls: unknown, path: string): ToolCall[] {
  if (!Array.isArray(calls)) throw wrong(path, "a list of calls");
  return calls.map((call: unknown, at) => {
    const own = `${path}[${at}]`;
    const { id, function: called } = fieldsOf(call, own);
    if (typeof id !== "string" || id === "")
      throw wrong(`${own}.id`, "a string that is not empty");
    const { name, arguments: json } = fieldsOf(called, `${own}.function`);
    if (typeof name !== "string" || !NAME.test(name))
      throw wrong(`${own}.function.name`, "the name of a tool");
    return { id, name, arguments: readJson(json, `${own}.function.arguments`) };
  });
}

function readJson(json: unknown, path: string): Record<string, unknown> {
  // Models may be told to call without arguments: clients then send nothing.
  if (json === "") return {};
  try {
    if (typeof json === "string")
      return fieldsOf(JSON.parse(json), path, false);
  } catch {
    // Said below.
  }
  throw wrong(path, "an object as JSON");
}

/** The fields of an object; those that are null count as missing. */
function fieldsOf(
  value: unknown,
  path: string,
  skipsNull = true,
): Record<string, unknown> {
  if (Object(value) !== value || Array.isArray(value))
    throw wrong(path, "an object");
  return Object.fromEntries(
    Object.entries(value as object).filter(
      ([, one]) => !skipsNull || one !== null,
    ),
  );
}

function wrong(path: string, expected: string): ApiError {
  return badField(path, `${path} must be ${expected}.`, "invalid_value");
}
