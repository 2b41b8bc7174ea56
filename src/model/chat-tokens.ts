/** A chat's parts as token ids: what the template writes and what people say, each encoded rightly. */
import type { ChatLayout } from "./chat-layout";
import type { Before, Tokenizer } from "./tokenizer";

export interface ChatTokens {
  /** What stands before the first round: BOS and the system prompt; may be empty. */
  prefix: number[];
  /** From the end of the round before to where the reply starts. `user` cannot forge a turn. */
  open: (user: string, place: { isFirst: boolean }) => number[];
  /** From the end of the reply to the end of its round. */
  close: number[];
}

/** The ids of a chat laid out so: prefix, then for each round open(user), the reply, and close. */
export function chatTokens(
  tokenizer: Tokenizer,
  layout: ChatLayout,
): ChatTokens {
  const prefix = tokenizer.encodeSegments(layout.prefix);
  const close = tokenizer.encodeSegments(layout.close, "text");
  const kindOf = (last: number | undefined, none: Before): Before => {
    if (last === undefined) return none;
    return tokenizer.isMarker(last) ? "marker" : "text";
  };
  const beforeFirst = kindOf(prefix.at(-1), "nothing");
  const beforeLater = kindOf(close.at(-1), "text");
  return {
    prefix,
    open: (user, place) =>
      tokenizer.encodeSegments(
        layout.open(user, place),
        place.isFirst ? beforeFirst : beforeLater,
      ),
    close,
  };
}
