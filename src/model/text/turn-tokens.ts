/**
 * Tokens by which the families of models end and open turns. Files often name only one of those that end a reply,
 * or the one that ends a document; a reply then runs on, and the model plays the user too.
 */
import type { Tokenizer } from "./tokenizer";

/** Nothing but marks of turns and ends of texts is ever written like these. */
const ENDS = [
  "<|im_end|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|eot|>",
  "<|eom|>",
  "<|end|>",
  "<|return|>",
  "<|end_of_turn|>",
  "<end_of_turn>",
  "<|endofturn|>",
  "<|END_OF_TURN_TOKEN|>",
  "<|end▁of▁sentence|>",
  "<｜end▁of▁sentence｜>",
];

const OPENS = [
  "<|im_start|>",
  "<start_of_turn>",
  "<|start_header_id|>",
  "<|header_start|>",
  "<|start_of_role|>",
  "<|START_OF_TURN_TOKEN|>",
  "<|system|>",
  "<|user|>",
  "<|assistant|>",
  "<｜User｜>",
  "<｜Assistant｜>",
];

/** These also occur as plain text, such as <s> for text that is struck out: only special ones mark anything. */
const SPECIAL = ["</s>", "<eos>", "[INST]"];

const MARKS: ReadonlySet<string> = new Set([...ENDS, ...OPENS]);

/** Whether a token with this text marks a turn, whatever the file says of it. */
export function isTurnMark(text: string): boolean {
  return MARKS.has(text);
}

/**
 * Ids that end a reply: those that the files name, and those that end a turn or would open the next one.
 *
 * @param named in generation_config.json or config.json; may be none, or not all
 */
export function replyEnds(
  named: readonly number[],
  tokenizer: Pick<Tokenizer, "idOf" | "isMarker" | "isText">,
): number[] {
  const idOf = (text: string): number | undefined => {
    const id = tokenizer.idOf(text);
    return id !== undefined && tokenizer.isMarker(id) ? id : undefined;
  };
  // Where <|return|> ends a turn, <|end|> ends one of its messages: the thinking, then the answer.
  const inside = idOf("<|return|>") === undefined ? undefined : idOf("<|end|>");
  const marks = [...MARKS].flatMap((text) => idOf(text) ?? []);
  const special = SPECIAL.flatMap((text) => idOf(text) ?? []);
  return [
    ...new Set([
      ...named,
      ...marks.filter((id) => id !== inside),
      ...special.filter((id) => !tokenizer.isText(id)),
    ]),
  ];
}
