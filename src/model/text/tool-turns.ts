/**
 * How a chat template writes tools: in which format a model calls them, and how a turn with their results is opened.
 * Found out by rendering a call, as template-probe.ts does with messages. A template that does not know tools, or
 * writes calls in a way that is not known here, gets a plain form instead (plain-tools.ts). Calls that the model did not
 * write itself are written as it would have.
 */
import { ModelFormatError } from "../../util/errors";
import { spacedJson } from "../../util/spaced-json";
import type { ChatTemplate, RenderedMessage } from "./chat-template";
import type { Segment } from "./tokenizer";
import { callsIn, type ToolCallFormat } from "./parse-calls";
import type { ToolCall, ToolResult } from "../../store/tools";
import { toolSchema } from "./plain-tools";

/** A template's own way. */
export interface ToolTurns {
  format: ToolCallFormat;
  /**
   * From the end of a reply with calls to where the next reply starts; undefined where the template refuses these
   * results.
   *
   * @param message of the user, behind the results; may be empty
   * @param close what ends a round
   */
  open: (
    results: readonly ToolResult[],
    message: string,
    close: string,
  ) => Segment[] | undefined;
}

const NAME = "probe_tool";
const USER = "ProbeUser";
const mark = (i: number) => `ProbeResult${i}"\n&<>\\`;
const FORMATS: readonly ToolCallFormat[] = [
  "hermes",
  "mistral",
  "llama3",
  "json",
];

const known = new WeakMap<ChatTemplate, ToolTurns | undefined>();

/** The template's own way; undefined if it has none that is known. */
export function toolTurns(template: ChatTemplate): ToolTurns | undefined {
  if (!known.has(template)) known.set(template, findTurns(template));
  return known.get(template);
}

function findTurns(template: ChatTemplate): ToolTurns | undefined {
  const call = { id: "probe0000", name: NAME, arguments: { city: "Oslo" } };
  const tools = [toolSchema({ name: NAME, description: "Probe" })];
  const shown = rendered(template, [user], true, { tools });
  const called = rendered(template, [user, calling([call])], false);
  if (shown?.includes(NAME) !== true || called === undefined) return undefined;
  const format = formatOf(template, called);
  if (format === undefined) return undefined;
  const turns: ToolTurns = {
    format,
    open: (results, message, close) =>
      openAll(template, results, message, close) ??
      openEach(template, results, message, close),
  };
  const result = { callId: call.id, name: NAME, content: "" };
  return turns.open([result], "", "") && turns;
}

/** Which format the template writes a call in. */
function formatOf(
  template: ChatTemplate,
  called: string,
): ToolCallFormat | undefined {
  const reply = called.slice(startOfReply(template, called));
  return FORMATS.find((format) => {
    // Both are an object alone: the names of its members tell them apart.
    if (format === "llama3" && !reply.includes('"parameters"')) return false;
    const { calls } = callsIn(reply, format, { isEnd: true });
    return calls.length === 1 && calls[0]!.name === NAME;
  });
}

/** All results in one turn. */
function openAll(
  template: ChatTemplate,
  results: readonly ToolResult[],
  message: string,
  close: string,
  isLast = true,
): Segment[] | undefined {
  const calls = results.map(({ callId, name }) => ({
    id: callId,
    name,
    arguments: {},
  }));
  const messages = [user, calling(calls)];
  for (const [i, { name }] of results.entries())
    messages.push({
      role: "tool",
      name,
      content: mark(i),
      tool_call_id: templateId(results[i]!.callId),
    });
  const contents = results.map(({ content }) => content);
  if (message !== "") {
    messages.push({ role: "user", content: mark(contents.length) });
    contents.push(message);
  }
  const whole = rendered(template, messages, isLast);
  if (whole === undefined) return undefined;
  const end = whole.indexOf(close, startOfReply(template, whole));
  return end < 0 ? undefined : cut(whole.slice(end + close.length), contents);
}

/** Some templates write a single call at a time. */
function openEach(
  template: ChatTemplate,
  results: readonly ToolResult[],
  message: string,
  close: string,
): Segment[] | undefined {
  if (results.length < 2) return undefined;
  const last = results.length - 1;
  const each = results.map((result, i) =>
    openAll(template, [result], i === last ? message : "", close, i === last),
  );
  return each.every((one) => one !== undefined) ? each.flat() : undefined;
}

/** Where a reply to the user's message begins in a text. */
function startOfReply(template: ChatTemplate, text: string): number {
  const asked = rendered(template, [user], true) ?? "";
  let start = 0;
  while (start < asked.length && asked[start] === text[start]) start++;
  return start;
}

/** The text with these in place of their marks; undefined unless each is found, in order. */
function cut(text: string, contents: readonly string[]): Segment[] | undefined {
  const segments: Segment[] = [];
  let at = 0;
  for (const [i, content] of contents.entries()) {
    const plain = mark(i);
    const escaped = inJson(plain);
    const isPlain = text.includes(plain, at);
    const found = text.indexOf(isPlain ? plain : escaped, at);
    if (found < 0) return undefined;
    segments.push({ template: text.slice(at, found) });
    segments.push({ content: isPlain ? content : inJson(content) });
    at = found + (isPlain ? plain : escaped).length;
  }
  return [...segments, { template: text.slice(at) }];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

const user: RenderedMessage = { role: "user", content: USER };

function calling(calls: readonly ToolCall[]): RenderedMessage {
  return {
    role: "assistant",
    content: "",
    tool_calls: calls.map(({ id, name, arguments: given }) => ({
      id: templateId(id),
      type: "function",
      function: { name, arguments: given },
    })),
  };
}

/** Undefined if the template refuses the messages. */
function rendered(
  template: ChatTemplate,
  messages: readonly RenderedMessage[],
  addGenerationPrompt: boolean,
  variables?: Readonly<Record<string, unknown>>,
): string | undefined {
  try {
    return template.render(messages, {
      addGenerationPrompt,
      now: new Date(0),
      ...(variables && { variables }),
    });
  } catch (error) {
    if (error instanceof ModelFormatError) return undefined;
    throw error;
  }
}

/** Mistral's templates take ids of nine letters and digits alone. */
function templateId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  let hash = 0;
  for (const letter of id)
    hash = (Math.imul(hash, 31) + letter.codePointAt(0)!) >>> 0;
  return hash.toString(36).padStart(9, "0");
}

type Write = (calls: readonly ToolCall[]) => Segment[];

const WRITERS: Readonly<Record<ToolCallFormat, Write>> = {
  hermes: (calls) =>
    calls.flatMap((call, i) => [
      { content: i === 0 ? "" : "\n" },
      { template: "<tool_call>" },
      { content: `\n${spacedJson(named(call))}\n` },
      { template: "</tool_call>" },
    ]),
  llama3: (calls) => {
    const texts = calls.map(({ name, arguments: parameters }) =>
      spacedJson({ name, parameters }),
    );
    return [{ content: texts.join("; ") }];
  },
  mistral: (calls) => {
    const list = calls.map((call) => ({
      ...named(call),
      id: templateId(call.id),
    }));
    return [{ template: "[TOOL_CALLS]" }, { content: ` ${spacedJson(list)}` }];
  },
  json: (calls) => {
    const list = calls.map(named);
    return [{ content: spacedJson(list.length === 1 ? list[0] : list) }];
  },
};

/**
 * A reply's text with its calls behind it. The marks of calls are the template's, all else is content: it cannot forge
 * a turn.
 */
export function replySegments(
  text: string,
  calls: readonly ToolCall[],
  format: ToolCallFormat,
): Segment[] {
  if (calls.length === 0) return [{ content: text }];
  const before = text === "" ? [] : [{ content: `${text}\n` }];
  return [...before, ...WRITERS[format](calls)];
}

function named({ name, arguments: given }: ToolCall) {
  return { name, arguments: given };
}
