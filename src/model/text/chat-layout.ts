/**
 * Where the parts of a chat are in a template's text, so that a chat can grow at its end:
 *
 *     prefix      │ open                                        reply close      │ open …
 *     BOS, system │ <|im_start|>user⏎ Hi <|im_end|>⏎<|im_start|>assistant⏎ Hello <|im_end|>⏎ │
 *
 * The layout gives the template's own text, unless a template rewrites earlier rounds when later ones are added,
 * which a KV cache cannot do:
 *
 * - Text that a template removes from earlier replies stays, such as surrounding space; thinking (Qwen3,
 *   DeepSeek-R1) is handled in thinking.ts.
 * - A system prompt that a template moves to the last message (Mistral) stays before the first.
 * - If a template has no place for a system prompt (Gemma, early Mistral), it goes to the start of the first
 *   message, as its makers advise.
 *
 * A template that can't be cut into rounds makes way for another when the model is loaded (open-template.ts).
 */
import { ModelFormatError } from "../../util/errors";
import type { ToolCallFormat } from "./parse-calls";
import { toolSchemas, withResults, withTools } from "./plain-tools";
import type { ToolDefinition, ToolResult } from "../../store/tools";
import { toolTurns } from "./tool-turns";
import type { ChatTemplate, RenderOptions } from "./chat-template";
import {
  type FirstRound,
  type LaterRounds,
  TemplateProbe,
  trimmed,
} from "./template-probe";
import type { Segment } from "./tokenizer";

/** Where a message stands. */
export interface MessagePlacing {
  isFirst: boolean;
  /** What the calls in the reply before it gave; the message is then mostly empty. */
  results?: readonly ToolResult[] | undefined;
}

export interface ChatLayout {
  /** What stands before the first round; may be empty. */
  prefix: Segment[];
  /** From the end of the round before to where the reply starts. */
  open: (user: string, place: MessagePlacing) => Segment[];
  /** From the end of the reply to the end of its round; often starts with the token that ends it. */
  close: Segment[];
  /** How the model calls tools. */
  callFormat: ToolCallFormat;
}

export interface LayoutOptions {
  /** The system prompt; without it the template decides. */
  system?: string | undefined;
  /** What the model may call. */
  tools?: readonly ToolDefinition[] | undefined;
  /** Other variables of the template, such as Qwen3's enable_thinking. */
  variables?: RenderOptions["variables"];
  /** Texts of the tokens that mark turns: rounds are split next to them, so that no word is cut. */
  markers?: readonly string[];
  /** For templates that name today's date. Default: now. */
  now?: Date;
}

/**
 * The parts of a chat under a template.
 *
 * @throws ModelFormatError if the template fails, or later rounds differ from each other
 */
export function chatLayout(
  template: ChatTemplate,
  options: LayoutOptions = {},
): ChatLayout {
  const { variables = {}, markers = [], now = new Date() } = options;
  const { tools = [] } = options;
  const probe = new TemplateProbe(template, { variables, now });
  const turns = toolTurns(template);
  const system = turns ? options.system : withTools(options.system, tools);
  // A template may move tools from message to message: like a system prompt that moves, they stay in front.
  const first =
    turns && tools.length > 0
      ? new TemplateProbe(template, {
          variables: { ...variables, tools: toolSchemas(tools, markers) },
          now,
        }).firstRound(system)
      : probe.firstRound(system);
  if (first === undefined) throw problem(template, probe);
  // A system prompt that moves from round to round is left out of later ones: it stays in the first.
  const hasSystem = first.head.length > 0;
  const later =
    (hasSystem && probe.laterRounds(true)) || probe.laterRounds(false);
  if (later === undefined) throw problem(template, probe);

  const cut = closeLength(later, first.before, markers);
  const before = later.between.slice(cut);
  const own = ownLength(first, before, markers);
  const firstBefore = first.before.slice(first.before.length - own);
  const ahead = first.before.slice(0, first.before.length - own);

  const close = later.between.slice(0, cut);
  const openMessage: ChatLayout["open"] = (user, { isFirst }) =>
    filled([
      { template: isFirst ? firstBefore : before },
      { content: trimmed(user, first.trim) },
      { template: isFirst ? first.after : later.after },
    ]);
  return {
    prefix: filled([...first.head, { template: ahead }, ...first.folded]),
    open: (user, { isFirst, results = [] }) => {
      if (results.length === 0) return openMessage(user, { isFirst });
      // Where the template refuses them, they are told in plain text.
      const own = turns?.open(results, trimmed(user, first.trim), close);
      return own
        ? filled(own)
        : openMessage(withResults(user, results), { isFirst });
    },
    close: filled([{ template: close }]),
    callFormat: turns?.format ?? "json",
  };
}

/** How much of the text between two rounds belongs to the earlier one. */
function closeLength(
  { between, after, end }: LaterRounds,
  firstBefore: string,
  markers: readonly string[],
): number {
  const edges = edgesOf(markers, between);
  if (end && between.startsWith(end)) return nearestEdge(edges, end.length);
  // Otherwise the token that ends the user's message also ends the reply, if it is a marking token.
  const shared = commonStart(between, after);
  const marker = markers.find((text) => shared.startsWith(text));
  if (marker !== undefined) {
    const rest = shared.slice(marker.length);
    return nearestEdge(edges, shared.length - rest.trimStart().length);
  }
  return nearestEdge(edges, between.length - commonEnd(between, firstBefore));
}

/**
 * How much of the text before the first message belongs to the first round: the text that other rounds start
 * with, if it can be split off cleanly. With a system prompt inside the first message (Llama 2) it can't, and all
 * of it is the prefix.
 */
function ownLength(
  { before, folded }: FirstRound,
  laterBefore: string,
  markers: readonly string[],
): number {
  if (folded.length > 0) return 0;
  const own = commonEnd(before, laterBefore);
  const isWhole = own === laterBefore.length || own === before.length;
  return isWhole || edgesOf(markers, before).includes(before.length - own)
    ? own
    : 0;
}

/**
 * The starts and ends of turn-marking tokens in a text. Splitting there cuts no word, so the ids of the parts are
 * those of the whole.
 */
function edgesOf(markers: readonly string[], text: string): number[] {
  return markers.flatMap((marker) => {
    let at = 0;
    const before = text.split(marker).slice(0, -1);
    return before.flatMap((piece) => {
      const start = at + piece.length;
      at = start + marker.length;
      return [start, at];
    });
  });
}

/** The last edge up to an index, else the first after it. */
function nearestEdge(edges: readonly number[], place: number): number {
  const upTo = edges.filter((edge) => edge <= place);
  if (place === 0 || edges.length === 0) return place;
  return upTo.length > 0 ? Math.max(...upTo) : Math.min(...edges);
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** Characters that both texts end with. */
function commonEnd(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}

function filled(segments: Segment[]): Segment[] {
  return segments.filter((segment) => Object.values(segment).join("") !== "");
}

function problem(template: ChatTemplate, probe: TemplateProbe): unknown {
  if (probe.refusal !== undefined) return probe.refusal;
  return new ModelFormatError({
    file: template.file,
    expected:
      "a chat template that copies messages verbatim and writes all rounds alike",
    found: "one that does not: chats can't be continued with it",
  });
}
