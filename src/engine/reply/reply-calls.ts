/** Tells the calls of tools in a reply from its text, while it comes. */
import {
  callMarks,
  callsIn,
  type ToolCallFormat,
} from "../../model/text/parse-calls";
import { thinkingRange } from "../../model/text/thinking-range";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { ToolCall, ToolDefinition } from "../../store/tools";
import type {
  ReplyEvent,
  TextEvent,
  TokenLogprobs,
  ToolChoice,
} from "../api/replies";

/** What a reply may call. */
export interface ToolReply {
  tools: readonly ToolDefinition[];
  /** How its model writes calls. */
  format: ToolCallFormat;
  choice: ToolChoice;
}

/** Whether the reply is a call in any case. */
export function isForced(choice: ToolChoice | undefined): boolean {
  return choice === "required" || typeof choice === "object";
}

export type SaidEvent = TextEvent | Extract<ReplyEvent, { type: "call" }>;

export class ReplyCalls {
  readonly #format: ToolCallFormat;
  readonly #names: readonly string[];
  readonly #roundId: number;
  #reply = "";
  /** Characters of the text, and calls, that were told. */
  #told = 0;
  #calls = 0;
  /** Of tokens whose text is held back. */
  #logprobs: TokenLogprobs[] = [];

  /** @param roundId names its calls */
  constructor(
    { format, tools }: Pick<ToolReply, "format" | "tools">,
    roundId: number,
  ) {
    this.#format = format;
    this.#names = tools.map(({ name }) => name);
    this.#roundId = roundId;
  }

  /** What the next text adds. What may be part of a call is held back until that is clear. */
  push({ text, logprobs = [] }: TextEvent): SaidEvent[] {
    this.#reply += text;
    this.#logprobs.push(...logprobs);
    return this.#added(false);
  }

  /** What was held back, once the reply has ended: a call without an end is text. */
  end(): SaidEvent[] {
    return this.#added(true);
  }

  #added(isEnd: boolean): SaidEvent[] {
    // Nothing is called while the model still thinks.
    const thinking = thinkingRange(this.#reply);
    const thought = this.#reply.slice(0, thinking?.answer ?? 0);
    const names = this.#names;
    const found = callsIn(this.#reply.slice(thought.length), this.#format, {
      isEnd,
      names,
    });
    const whole = thought + found.text;
    const text = whole.slice(this.#told);
    this.#told = whole.length;
    const calls = found.calls.slice(this.#calls);
    const said: SaidEvent[] = [];
    if (text !== "") said.push(this.#textEvent(text));
    for (const call of calls) {
      // They spell the call.
      this.#logprobs = [];
      const id = callId(this.#roundId, this.#calls++);
      said.push({ type: "call", call: { id, ...call } });
    }
    return said;
  }

  #textEvent(text: string): TextEvent {
    const logprobs = this.#logprobs.splice(0);
    return logprobs.length === 0
      ? { type: "text", text }
      : { type: "text", text, logprobs };
  }
}

/** Nine letters and digits, as Mistral's templates want it; unique in a chat. */
export function callId(roundId: number, number: number): ToolCall["id"] {
  const digits = (value: number, length: number) =>
    value.toString(36).padStart(length, "0").slice(-length);
  return digits(roundId, 6) + digits(number, 3);
}

/** Decodes a reply with the marks of its calls, which the tokenizer may leave out. */
export function markedDecoder(
  tokenizer: Pick<Tokenizer, "decode" | "idOf" | "isText">,
  format: ToolCallFormat,
): Pick<Tokenizer, "decode" | "isText"> {
  const marks = new Map(
    callMarks(format).flatMap((mark) => {
      const id = tokenizer.idOf(mark);
      return id === undefined || tokenizer.isText(id) ? [] : [[id, mark]];
    }),
  );
  if (marks.size === 0) return tokenizer;
  return {
    isText: (id) => marks.has(id) || tokenizer.isText(id),
    decode(ids) {
      const at = ids.findIndex((id) => marks.has(id));
      if (at < 0) return tokenizer.decode(ids);
      const before = at === 0 ? "" : tokenizer.decode(ids.slice(0, at));
      return before + marks.get(ids[at]!)! + this.decode(ids.slice(at + 1));
    },
  };
}
