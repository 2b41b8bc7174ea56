/** A chat's parts as token ids: the template's text and the users' text, each encoded by its own rules. */
import type { ChatLayout, MessagePlacing } from "./chat-layout";
import { replySegments } from "./tool-turns";
import type { ToolCallFormat } from "./parse-calls";
import type { ToolCall } from "../../store/tools";
import type { Before, Tokenizer } from "./tokenizer";

export interface ChatTokens {
  /** What stands before the first round: BOS and the system prompt; may be empty. */
  prefix: number[];
  /** From the end of the round before to where the reply starts. Text in `user` cannot forge a turn. */
  open: (user: string, place: MessagePlacing) => number[];
  /** A reply as if the model had said it. */
  reply: (text: string, calls?: readonly ToolCall[]) => number[];
  /** From the end of the reply to the end of its round. */
  close: number[];
  /** How many of the last tokens of `open` are the template's: they have seen the whole message. */
  tailTokens: (place: MessagePlacing) => number;
  /** How many of its first tokens are the template's. */
  headTokens: (place: MessagePlacing) => number;
  /** How the model calls tools. */
  callFormat: ToolCallFormat;
}

/** The ids of a chat in this layout: prefix, then for each round open(user), the reply, and close. */
export function chatTokens(
  tokenizer: Tokenizer,
  layout: ChatLayout,
): ChatTokens {
  const written = tokenizer.encodeSegments(layout.prefix);
  const close = tokenizer.encodeSegments(layout.close, "text");
  const kindOf = (last: number | undefined, none: Before): Before => {
    if (last === undefined) return none;
    return tokenizer.isMarker(last) ? "marker" : "text";
  };
  const beforeFirst = kindOf(written.at(-1), "nothing");
  const beforeLater = kindOf(close.at(-1), "text");
  const open: ChatTokens["open"] = (user, place) =>
    tokenizer.encodeSegments(
      layout.open(user, place),
      place.isFirst ? beforeFirst : beforeLater,
    );
  // What two messages without a common start or ending have in common is the template's.
  const twoAt = (place: MessagePlacing) =>
    [openWith("a", place), openWith("b", place)] as const;
  const openWith = (text: string, { isFirst, results = [] }: MessagePlacing) =>
    results.length === 0
      ? open(text, { isFirst })
      : open("", {
          isFirst,
          results: results.map((result) => ({ ...result, content: text })),
        });
  const tailTokens: ChatTokens["tailTokens"] = ({ results }) =>
    Math.max(1, commonEnd(...twoAt({ isFirst: false, results })));
  const headTokens: ChatTokens["headTokens"] = (place) =>
    commonStart(...twoAt(place));
  const { callFormat } = layout;
  const reply: ChatTokens["reply"] = (text, calls = []) =>
    tokenizer.encodeSegments(replySegments(text, calls, callFormat));
  const { bos } = tokenizer;
  const [start] = [...written, ...open("", { isFirst: true })];
  const prefix =
    bos === undefined || start === bos ? written : [bos, ...written];
  return { prefix, open, reply, close, tailTokens, headTokens, callFormat };
}

function commonStart(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function commonEnd(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}
