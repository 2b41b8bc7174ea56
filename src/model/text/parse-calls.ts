/**
 * Calls of tools in a reply's text. Models write them in the way of their family; what is no well-formed call is text.
 * Of a reply that still grows, text and calls only ever get longer: what may yet turn out to be part of a call is held
 * back.
 *
 *     Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>
 *     text ───────┘ └ held back until here, where it becomes a call ────────────────┘
 */
import type { ToolCall } from "../../store/tools";

/**
 * - `hermes`: <tool_call>{"name": …, "arguments": …}</tool_call>, anywhere: Hermes, Qwen, SmolLM3, Granite
 * - `llama3`: {"name": …, "parameters": …} as the whole reply, perhaps behind <|python_tag|>, several with semicolons
 * - `mistral`: [TOOL_CALLS][{"name": …, "arguments": …}], or since 2025 [TOOL_CALLS]name{…} or name[CALL_ID]id[ARGS]{…}
 * - `json`: a call, or a list of calls, as the whole reply
 *
 * Small models often write the last one, in a code box or without, whatever they were told (Qwen2.5-Coder): it is a call
 * in every format, if it is of a known tool.
 */
export type ToolCallFormat = "hermes" | "llama3" | "mistral" | "json";

/** A call as a model writes it. */
export type SaidCall = Omit<ToolCall, "id">;

export interface SaidCalls {
  /** Without calls; where one stood between two texts, a new line. */
  readonly text: string;
  readonly calls: readonly SaidCall[];
  /** Whether the end of what was given is held back: a call has begun, or perhaps has. */
  readonly isPartial: boolean;
}

/** What stands at a place: calls up to `end`, what may become calls, or neither. */
type Found = { calls: SaidCall[]; end: number } | "partial" | undefined;

interface Format {
  /** What calls begin with. */
  markers: readonly string[];
  /** Whether calls stand only at the start; then they may do so without a marker. */
  isAtStart: boolean;
  /** @param at behind the marker and white space */
  read: (text: string, at: number) => Found;
}

const FORMATS: Readonly<Record<ToolCallFormat, Format>> = {
  hermes: { markers: ["<tool_call>"], isAtStart: false, read: readHermes },
  llama3: { markers: ["<|python_tag|>"], isAtStart: true, read: readLlama },
  mistral: { markers: ["[TOOL_CALLS]"], isAtStart: false, read: readMistral },
  json: { markers: [], isAtStart: true, read: readJson },
};

/** Tokens that may stand in a format's calls, although they mark something. */
export function callMarks(format: ToolCallFormat): readonly string[] {
  return MARKS[format];
}

const MARKS: Readonly<Record<ToolCallFormat, readonly string[]>> = {
  hermes: ["<tool_call>", "</tool_call>"],
  llama3: ["<|python_tag|>"],
  mistral: ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
  json: [],
};

/** A call that a model has begun. */
export interface CallOpening {
  /** What it has written of the call, behind the mark. */
  written: string;
  /** `json` where the model writes it in plain JSON. */
  format: ToolCallFormat;
  /** Whether no mark says that it is a call: the text alone does. */
  isText: boolean;
  /** Whether it stands in a code box. */
  isFenced: boolean;
}

const OBJECT_START = /^\s*(?:<\|python_tag\|>)?\s*(?=[[\s]*\{\s*"name"\s*:)/;

/**
 * The call that a text opens, once that is clear.
 *
 * @param isFirst whether it is the reply's beginning
 * @param names of the tools
 */
export function openCall(
  text: string,
  format: ToolCallFormat,
  isFirst: boolean,
  names: readonly string[],
): CallOpening | undefined {
  const { isAtStart, markers } = FORMATS[format];
  const plain = isFirst ? plainStart(text, names) : "none";
  if (typeof plain === "object" && plain.isClear)
    return {
      written: text.slice(plain.at),
      format: isAtStart ? format : "json",
      isText: true,
      isFenced: plain.isFenced,
    };
  if (isAtStart) {
    const start = isFirst ? OBJECT_START.exec(text)?.[0].length : undefined;
    return start === undefined
      ? undefined
      : { written: text.slice(start), format, isText: true, isFenced: false };
  }
  const [mark] = markers;
  const at = text.indexOf(mark!);
  return at < 0
    ? undefined
    : {
        written: text.slice(at + mark!.length),
        format,
        isText: false,
        isFenced: false,
      };
}

const FENCE = /^\s*(?:```[a-z_]*[ \t]*\n)?\s*/;
/** Of a text that may yet become one. */
const PART_OF_FENCE = /^\s*`{1,2}$|^\s*```[a-z_]*[ \t]*$/;
/** In which a call's name stands, if there is a call. */
const MOST_START = 200;

/** Where a call in plain JSON begins; `none` where there is none. */
function plainStart(
  text: string,
  names: readonly string[],
): { at: number; isClear: boolean; isFenced: boolean } | "none" {
  if (names.length === 0) return "none";
  const at = FENCE.exec(text)![0].length;
  const isFenced = text.slice(0, at).includes("`");
  if (PART_OF_FENCE.test(text)) return { at, isClear: false, isFenced: true };
  const start = text.slice(at, at + MOST_START).replace(/\s+/g, "");
  const starts = names.flatMap((name) =>
    ["{", "[{"].map((open) => `${open}"name":"${name}"`),
  );
  if (starts.some((one) => start.startsWith(one)))
    return { at, isClear: true, isFenced };
  const mayBecome = starts.some((one) => one.startsWith(start));
  return mayBecome ? { at, isClear: false, isFenced } : "none";
}

/** A call in plain JSON as the reply's beginning. */
function readPlain(text: string, names: readonly string[]): Found {
  const start = plainStart(text, names);
  if (start === "none") return undefined;
  const end = start.isClear ? jsonEnd(text, start.at) : undefined;
  if (end === undefined) return "partial";
  const found = readJson(text, start.at);
  if (typeof found !== "object" || !start.isFenced) return found;
  const close = skipSpace(text, end);
  const rest = text.slice(close, close + 3);
  return { ...found, end: "```".startsWith(rest) ? close + rest.length : end };
}

/**
 * @param reply the text so far
 * @param isEnd whether nothing follows: then nothing is held back, and calls without an end are text
 * @param names of the tools
 */
export function callsIn(
  reply: string,
  format: ToolCallFormat,
  {
    isEnd = false,
    names = [],
  }: { isEnd?: boolean; names?: readonly string[] } = {},
): SaidCalls {
  const { markers, isAtStart, read } = FORMATS[format];
  const calls: SaidCall[] = [];
  let text = "";
  let at = 0;
  /** Takes text in, without white space next to calls. */
  const add = (part: string): void => {
    const isBehindCall = calls.length > 0 && text === textBeforeCall;
    const kept = isBehindCall ? part.trimStart() : part;
    text += isBehindCall && text !== "" && kept !== "" ? `\n${kept}` : kept;
  };
  let textBeforeCall: string | undefined;
  const shown = (isPartial: boolean, rest: string): SaidCalls => {
    add(rest);
    return { text: isEnd ? text : text.trimEnd(), calls, isPartial };
  };
  const plain = readPlain(reply, names);
  if (plain === "partial" && !isEnd)
    return { text: "", calls, isPartial: true };
  if (typeof plain === "object") {
    calls.push(...plain.calls);
    textBeforeCall = text;
    at = plain.end;
    if (isAtStart) return shown(false, reply.slice(at));
  }
  for (;;) {
    const start = isAtStart
      ? startOfReply(reply, at, markers)
      : nextMarker(reply, at, markers);
    if (start === undefined) return shown(false, reply.slice(at));
    const inside = skipSpace(reply, start.end);
    const found = start.isWhole ? read(reply, inside) : "partial";
    if (found === "partial") {
      if (isEnd) return shown(false, reply.slice(at));
      return shown(true, reply.slice(at, start.from));
    }
    if (found === undefined) {
      if (isAtStart) return shown(false, reply.slice(at));
      add(reply.slice(at, start.end));
      at = start.end;
      continue;
    }
    add(reply.slice(at, start.from).trimEnd());
    calls.push(...found.calls);
    textBeforeCall = text;
    at = found.end;
    if (isAtStart) return shown(false, reply.slice(at));
  }
}

interface Start {
  from: number;
  end: number;
  /** Otherwise the text ends within a marker. */
  isWhole: boolean;
}

function nextMarker(
  text: string,
  at: number,
  markers: readonly string[],
): Start | undefined {
  const starts = markers.flatMap((marker): Start[] => {
    const from = text.indexOf(marker, at);
    if (from >= 0) return [{ from, end: from + marker.length, isWhole: true }];
    const cut = cutMarker(text, at, marker);
    return cut === undefined
      ? []
      : [{ from: cut, end: text.length, isWhole: false }];
  });
  return starts.sort((a, b) => a.from - b.from)[0];
}

/** Where a marker begins that the text's end cuts. */
function cutMarker(
  text: string,
  at: number,
  marker: string,
): number | undefined {
  const first = Math.max(at, text.length - marker.length + 1);
  for (let from = first; from < text.length; from++)
    if (marker.startsWith(text.slice(from))) return from;
  return undefined;
}

function startOfReply(
  text: string,
  at: number,
  markers: readonly string[],
): Start | undefined {
  const from = skipSpace(text, at);
  const rest = text.slice(from);
  for (const marker of markers) {
    if (rest.startsWith(marker))
      return { from, end: from + marker.length, isWhole: true };
    if (marker.startsWith(rest))
      return { from, end: text.length, isWhole: false };
  }
  return { from, end: from, isWhole: rest !== "" };
}

function readHermes(text: string, at: number): Found {
  const close = "</tool_call>";
  if (at >= text.length) return "partial";
  const end = text[at] === "{" ? jsonEnd(text, at, close) : "none";
  if (end === undefined) return "partial";
  if (end === "none") return undefined;
  const call = asCall(parsed(text.slice(at, end)), true);
  if (call === undefined) return undefined;
  const behind = skipSpace(text, end);
  // The JSON is complete, so the call is, whether or not its end is written.
  if (text.startsWith(close, behind))
    return { calls: [call], end: behind + close.length };
  const isCut = close.startsWith(text.slice(behind));
  return { calls: [call], end: isCut ? text.length : end };
}

function readLlama(text: string, start: number): Found {
  const calls: SaidCall[] = [];
  for (let at = start; ;) {
    if (at >= text.length)
      return calls.length > 0 ? { calls, end: at } : "partial";
    const end = text[at] === "{" ? jsonEnd(text, at) : undefined;
    if (end === undefined) {
      if (text[at] === "{")
        return calls.length > 0 ? { calls, end: text.length } : "partial";
      return calls.length > 0 ? { calls, end: at } : undefined;
    }
    const call = asCall(parsed(text.slice(at, end)), false);
    if (call === undefined)
      return calls.length > 0 ? { calls, end: at } : undefined;
    calls.push(call);
    const behind = skipSpace(text, end);
    if (text[behind] !== ";") return { calls, end };
    at = skipSpace(text, behind + 1);
  }
}

/** Also the beginnings of these marks, where the text ends in them. */
const CALL_ID =
  /^(?:\[CALL_ID\][a-zA-Z0-9]*|\[(?:C(?:A(?:L(?:L(?:_(?:I(?:D)?)?)?)?)?)?)?$)/;
const ARGS = /^(?:\[ARGS\]|\[(?:A(?:R(?:G(?:S)?)?)?)?$)/;

function readMistral(text: string, at: number): Found {
  if (at >= text.length) return "partial";
  if (text[at] === "[") return readList(text, at, true);
  const name = /^[\w.-]+/.exec(text.slice(at))?.[0];
  if (name === undefined) return undefined;
  let inside = at + name.length;
  for (const marker of [CALL_ID, ARGS]) {
    const found = marker.exec(text.slice(inside))?.[0];
    if (found === undefined) continue;
    inside += found.length;
    if (inside >= text.length) return "partial";
  }
  inside = skipSpace(text, inside);
  if (inside >= text.length) return "partial";
  if (text[inside] !== "{") return undefined;
  const end = jsonEnd(text, inside);
  if (end === undefined) return "partial";
  const call = asCall(
    { name, arguments: parsed(text.slice(inside, end)) },
    false,
  );
  return call && { calls: [call], end };
}

function readJson(text: string, at: number): Found {
  if (text[at] === "[") return readList(text, at, false);
  if (text[at] !== "{") return undefined;
  const end = jsonEnd(text, at);
  if (end === undefined) return "partial";
  const call = asCall(parsed(text.slice(at, end)), false);
  return call && { calls: [call], end };
}

function readList(text: string, at: number, mayLack: boolean): Found {
  const end = jsonEnd(text, at);
  if (end === undefined) return "partial";
  const list = parsed(text.slice(at, end));
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const calls = list.map((one) => asCall(one, mayLack));
  return calls.every((call) => call !== undefined) ? { calls, end } : undefined;
}

/** @param mayLack whether a call may have no arguments: only where a marker says that it is one */
function asCall(value: unknown, mayLack: boolean): SaidCall | undefined {
  if (!isObject(value)) return undefined;
  const { name } = value;
  // No tool has another name, and the store keeps no other.
  if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name)) return undefined;
  const given = value["arguments"] ?? value["parameters"];
  if (given === undefined) return mayLack ? { name, arguments: {} } : undefined;
  // Some write them as OpenAI's API does: as JSON in a text.
  const object = typeof given === "string" ? parsed(given) : given;
  return isObject(object) ? { name, arguments: object } : undefined;
}

/** Where an object or a list that begins at `at` ends; undefined if it does not. */
function jsonEnd(text: string, at: number): number | undefined;
/** "none" if `close` stands before its end, outside of strings. */
function jsonEnd(
  text: string,
  at: number,
  close: string,
): number | "none" | undefined;
function jsonEnd(
  text: string,
  at: number,
  close?: string,
): number | "none" | undefined {
  let depth = 0;
  let isInString = false;
  for (let i = at; i < text.length; i++) {
    const sign = text[i];
    if (isInString) {
      if (sign === "\\") i++;
      else if (sign === '"') isInString = false;
    } else if (sign === '"') isInString = true;
    else if (sign === "{" || sign === "[") depth++;
    else if ((sign === "}" || sign === "]") && --depth === 0) return i + 1;
    else if (close !== undefined && text.startsWith(close, i)) return "none";
  }
  return undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function skipSpace(text: string, at: number): number {
  let end = at;
  while (end < text.length && text[end]!.trim() === "") end++;
  return end;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
