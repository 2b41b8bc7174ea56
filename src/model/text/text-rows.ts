/** Which tokens of a message are its text, without the template's around them. */
import type { MessagePlacing } from "./chat-layout";
import type { ChatTokens } from "./chat-tokens";

/** A message's tokens, of which `from`..`to - 1` are its text. */
export interface TextRows {
  tokens: readonly number[];
  from: number;
  to: number;
}

/** A message without content, as retrieval heads are compared with it (In-Context Reranking, arXiv 2410.02642). */
const BLANK = "N/A";

/** The rows of a message's own text; the last row, if there is none. */
export function textRows(
  { headTokens, tailTokens }: ChatTokens,
  tokens: readonly number[],
  place: MessagePlacing,
): TextRows {
  const from = headTokens(place);
  const to = tokens.length - tailTokens(place);
  return from < to
    ? { tokens, from, to }
    : { tokens, from: tokens.length - 1, to: tokens.length };
}

/** The message without content, right behind the system prompt. */
export function blankRows(tokens: ChatTokens): TextRows {
  const place = { isFirst: true };
  return textRows(tokens, tokens.open(BLANK, place), place);
}
