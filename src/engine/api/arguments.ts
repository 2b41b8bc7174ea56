/**
 * The arguments that each method of an engine takes, and the values of its options. They are checked before the method
 * does anything, so that a caller without types hears which one is wrong, and a chat never keeps what is no text.
 */
import { ownValue } from "../../util/own-value";
import type { CallName } from "./calls";
import { isServerSource } from "./server-source";

/** What a value must be, in words; the checks are below. */
type Kind = keyof typeof CHECKS;

const isText = (value: unknown) => typeof value === "string";
const isList = (value: unknown, isOne: (one: unknown) => boolean) =>
  Array.isArray(value) && value.every(isOne);
const fieldOf = (value: unknown, name: string) =>
  (value as Record<string, unknown> | null | undefined)?.[name];
/** Also one of another frame. */
const isBlob = (value: unknown) =>
  typeof fieldOf(value, "arrayBuffer") === "function";
const isFiles = (value: unknown) =>
  isList(value, isBlob) && (value as []).length > 0;
const hasTexts = (value: unknown, ...names: string[]) =>
  names.every((name) => isText(fieldOf(value, name)));
const isToolName = (value: unknown) =>
  isText(value) && /^[\w-]{1,64}$/.test(value);
const isRecord = (value: unknown) =>
  Object(value) === value && !Array.isArray(value);
const isTool = (value: unknown) =>
  isToolName(fieldOf(value, "name")) &&
  ["string", "undefined"].includes(typeof fieldOf(value, "description")) &&
  (fieldOf(value, "parameters") === undefined ||
    isRecord(fieldOf(value, "parameters")));
const isTools = (value: unknown) => {
  const names = isList(value, isTool)
    ? (value as { name: string }[]).map(({ name }) => name)
    : undefined;
  return (
    names !== undefined &&
    names.length <= 128 &&
    new Set(names).size === names.length
  );
};
const isCall = (value: unknown) =>
  hasTexts(value, "id") &&
  isToolName(fieldOf(value, "name")) &&
  isRecord(fieldOf(value, "arguments"));
const isResult = (value: unknown) =>
  hasTexts(value, "callId", "content") && isToolName(fieldOf(value, "name"));
const mayHave = (
  value: unknown,
  name: string,
  isOne: (one: unknown) => boolean,
) => fieldOf(value, name) === undefined || isList(fieldOf(value, name), isOne);
const isBias = (value: unknown) =>
  Object(value) === value &&
  Object.entries(value as object).every(
    ([id, bias]) =>
      /^\d+$/.test(id) && typeof bias === "number" && Math.abs(bias) <= 100,
  );
const isFormat = (value: unknown) => {
  const schema = fieldOf(value, "schema");
  return (
    value === "json" || (Object(schema) === schema && schema !== undefined)
  );
};
const isFileSource = (value: unknown) =>
  (isText(value) && value !== "") || isFiles(value);

const CHECKS = {
  "a string": isText,
  "a string that is not empty": (value: unknown) =>
    isText(value) && value !== "",
  "a string or undefined": (value: unknown) =>
    value === undefined || isText(value),
  "an integer": Number.isSafeInteger,
  "a positive integer": (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) > 0,
  "a positive number": (value: unknown) =>
    Number.isFinite(value) && (value as number) > 0,
  "a number": (value: unknown) => typeof value === "number",
  "true or false": (value: unknown) => typeof value === "boolean",
  "a Blob": isBlob,
  "a list of Files": isFiles,
  "an address, a name on the hub, or a list of Files": isFileSource,
  "an address, a name on the hub, a list of Files, or { endpoint, model?, apiKey?, blendSeparator? } of strings":
    (value: unknown) => isFileSource(value) || isServerSource(value),
  "{ name: string, text: string }": (value: unknown) =>
    hasTexts(value, "name", "text"),
  "a list of { message: string, reply: string }, perhaps with calls and results":
    (value: unknown) =>
      isList(
        value,
        (one) =>
          hasTexts(one, "message", "reply") &&
          mayHave(one, "calls", isCall) &&
          mayHave(one, "results", isResult),
      ),
  "a list of at most 128 tools of different names: { name: letters, digits, _ and -, description: string, parameters: object }":
    isTools,
  "a list of at most 128 tools of different names: { name: letters, digits, _ and -, description: string, parameters: object }, or undefined":
    (value: unknown) => value === undefined || isTools(value),
  "a list of { callId: string, name: string, content: string }": (
    value: unknown,
  ) => isList(value, isResult),
  "auto, none, required, or { name: string }": (value: unknown) =>
    ["auto", "none", "required"].includes(value as string) ||
    isToolName(fieldOf(value, "name")),
  "a list of at most 16 strings that are not empty": (value: unknown) =>
    isList(value, (one) => isText(one) && one !== "") &&
    (value as []).length <= 16,
  "json, or { schema: object }": isFormat,
  "an integer from 0 to 20": (value: unknown) =>
    Number.isInteger(value) &&
    (value as number) >= 0 &&
    (value as number) <= 20,
  "an object of numbers from -100 to 100 by token id": isBias,
  "rondo or markdown": (value: unknown) =>
    value === "rondo" || value === "markdown",
  "4, 8 or 16": (value: unknown) => [4, 8, 16].includes(value as number),
} as const satisfies Record<string, (value: unknown) => boolean>;

const ROUNDS =
  "a list of { message: string, reply: string }, perhaps with calls and results";
const TOOLS =
  "a list of at most 128 tools of different names: { name: letters, digits, _ and -, description: string, parameters: object }";
const ID = "a string that is not empty";
const FILES = "an address, a name on the hub, or a list of Files";
const SOURCE =
  "an address, a name on the hub, a list of Files, or { endpoint, model?, apiKey?, blendSeparator? } of strings";

/** The arguments in front of the options. */
const ARGUMENTS: { readonly [K in CallName]?: Readonly<Record<string, Kind>> } =
  {
    load: { source: SOURCE },
    planModel: { source: FILES },
    keepModel: { files: "a list of Files" },
    deleteModel: { id: ID },
    countTokens: { text: "a string" },
    searchChats: { query: "a string" },
    openChat: { chatId: ID },
    leaveChat: { chatId: ID },
    renameChat: { chatId: ID, title: "a string" },
    deleteChat: { chatId: ID },
    exportChat: { chatId: ID },
    importChat: { file: "a Blob" },
    addMessage: { chatId: ID, message: "a string" },
    addRounds: { chatId: ID, rounds: ROUNDS },
    showVersion: { chatId: ID, roundId: "an integer" },
    moveRound: { chatId: ID, roundId: "an integer", behind: "an integer" },
    deleteRound: { chatId: ID, roundId: "an integer" },
    setSystem: { chatId: ID, system: "a string or undefined" },
    setTools: { chatId: ID, tools: `${TOOLS}, or undefined` },
    chat: { chatId: ID, message: "a string" },
    reply: { chatId: ID, roundId: "an integer" },
    attach: { chatId: ID, document: "{ name: string, text: string }" },
    verify: { chatId: ID, roundId: "an integer" },
    restoreChat: { chatId: ID },
    pinRound: { chatId: ID, roundId: "an integer", isPinned: "true or false" },
    evictRound: { chatId: ID, roundId: "an integer" },
    wipeKv: { chatId: "a string or undefined" },
    setHealing: { isOn: "true or false" },
  };

/** Options by name, wherever a method has them. What a reply's numbers may be, the turn says. */
const OPTIONS: Readonly<Record<string, Kind>> = {
  weightBits: "4, 8 or 16",
  memoryBudgetBytes: "a positive number",
  contextTokens: "a positive integer",
  hubToken: "a string",
  hubUrl: "a string",
  refresh: "true or false",
  system: "a string",
  tools: TOOLS,
  history: ROUNDS,
  results: "a list of { callId: string, name: string, content: string }",
  toolChoice: "auto, none, required, or { name: string }",
  owner: ID,
  chatId: "a string",
  withKv: "true or false",
  format: "rondo or markdown",
  withText: "true or false",
  isFast: "true or false",
  thinks: "true or false",
  maxTokens: "a number",
  temperature: "a number",
  topK: "a number",
  topP: "a number",
  minP: "a number",
  repetitionPenalty: "a number",
  presencePenalty: "a number",
  frequencyPenalty: "a number",
  logitBias: "an object of numbers from -100 to 100 by token id",
  responseFormat: "json, or { schema: object }",
  topLogprobs: "an integer from 0 to 20",
  stop: "a list of at most 16 strings that are not empty",
  seed: "a number",
};

export interface WrongArgument {
  /** The argument's name, or the option's path. */
  name: string;
  expected: string;
  value: unknown;
}

/** The first of a call's arguments that is not what it must be. */
export function wrongArgument(
  call: CallName,
  args: readonly unknown[],
  optionsAt: number | undefined,
): WrongArgument | undefined {
  const kinds = Object.entries(ARGUMENTS[call] ?? {});
  for (const [i, [name, expected]] of kinds.entries())
    if (!CHECKS[expected](args[i])) return { name, expected, value: args[i] };
  return optionsAt === undefined ? undefined : wrongOption(args[optionsAt]);
}

function wrongOption(options: unknown, path = ""): WrongArgument | undefined {
  for (const [key, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    const name = `${path}${key}`;
    const expected = ownValue(OPTIONS, key);
    if (expected !== undefined && !CHECKS[expected](value))
      return { name, expected, value };
    const inside =
      key === "sampler" ? wrongOption(value, `${name}.`) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}
