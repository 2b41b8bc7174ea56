/** Checks what a page gives to the Prompt API, once. Errors are of the kinds that the API names. */
import type { SaidMessage } from "../chats/asked-reply";
import type { CoreOptions, PromptInput, PromptMessage, Tool } from "./types";

const ROLES = ["system", "user", "assistant"] as const;

/** @throws TypeError, DOMException `NotSupportedError` */
function readInput(input: unknown): SaidMessage[] {
  if (typeof input === "string") return [{ role: "user", text: input }];
  if (!Array.isArray(input))
    throw new TypeError("A prompt must be a string or a list of messages.");
  return input.map((message, at) => readMessage(message, at));
}

/** @throws TypeError for one of the system that is not the first; as readInput */
export function readInitial(prompts: unknown = []): SaidMessage[] {
  const said = readInput(prompts);
  if (said.slice(1).some(({ role }) => role === "system"))
    throw new TypeError(
      "Only the first of initialPrompts may be of the system.",
    );
  return said;
}

/** @throws TypeError where one is of the system; as readInput */
export function readPrompt(input: PromptInput): SaidMessage[] {
  const said = readInput(input);
  if (said.some(({ role }) => role === "system"))
    throw new TypeError(
      "A system prompt can only be the first of initialPrompts, when the session is created.",
    );
  return said;
}

/** Whether a session with these options is possible at all. */
export function isSupported({
  expectedInputs = [],
  expectedOutputs = [],
}: CoreOptions): boolean {
  const expected = [...expectedInputs, ...expectedOutputs];
  return expected.every(({ type }) => type === "text");
}

/** @throws TypeError that names the tool */
export function readTools(tools: unknown = []): readonly Tool[] {
  if (!Array.isArray(tools)) throw new TypeError("tools must be a list.");
  for (const [at, tool] of tools.entries()) {
    const { name, description, inputSchema, execute } = (tool ??
      {}) as Partial<Tool>;
    const isTool =
      typeof name === "string" &&
      /^[\w-]{1,64}$/.test(name) &&
      typeof description === "string" &&
      Object(inputSchema) === inputSchema &&
      typeof execute === "function";
    if (!isTool)
      throw new TypeError(
        `Tool ${at + 1} must have a name of letters, digits, _ and -, a description, an inputSchema and a function execute.`,
      );
  }
  return tools as Tool[];
}

export function notSupported(what: string): DOMException {
  return new DOMException(
    `${what} is not supported: Rondo reads and writes text.`,
    "NotSupportedError",
  );
}

function readMessage(message: unknown, at: number): SaidMessage {
  const { role, content, prefix } = (message ?? {}) as Partial<PromptMessage>;
  if (!ROLES.includes(role!))
    throw new TypeError(
      `The role of message ${at + 1} must be one of ${ROLES.join(", ")}.`,
    );
  if (prefix) throw notSupported("The beginning of a reply (prefix)");
  return { role: role!, text: readContent(content, at) };
}

function readContent(content: unknown, at: number): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content))
    throw new TypeError(
      `The content of message ${at + 1} must be a string or a list of parts.`,
    );
  const texts = content.map((part: unknown) => {
    const { type, value } = (part ?? {}) as Record<string, unknown>;
    if (type !== "text") throw notSupported(`A part of type ${String(type)}`);
    if (typeof value !== "string")
      throw new TypeError(`A text part of message ${at + 1} has no text.`);
    return value;
  });
  return texts.join("\n");
}
