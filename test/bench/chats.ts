/** Chats with known answers, as tools/demo-model/chats.py writes them, in the tokens of a model. */
import { chatLayout } from "../../src/model/text/chat-layout";
import { chatTokens, type ChatTokens } from "../../src/model/text/chat-tokens";
import type { Model } from "../../src/engine/load/load-model";

export interface ChatSet {
  madeBy: string;
  chats: BenchChat[];
}

export interface BenchChat {
  seed: number;
  rounds: { user: string; reply: string }[];
  /** Rounds that ask for a fact, and where that was told last. */
  asks: Ask[];
  /** A question that no few rounds answer. */
  everything: string;
}

export interface Ask {
  /** The round that asks; what is before it is the history. */
  round: number;
  source: number;
  value: string;
}

/** A chat as a model reads it. */
export interface TokenChat {
  system: number[];
  rounds: TokenRound[];
  tailTokens: number;
}

export interface TokenRound {
  open: number[];
  reply: number[];
  close: number[];
}

export function inTokens(
  { tokenizer, template }: Pick<Model, "tokenizer" | "template">,
  { rounds }: Pick<BenchChat, "rounds">,
): TokenChat {
  const { markers } = tokenizer;
  const layout = chatLayout(template, { system: undefined, markers });
  const tokens: ChatTokens = chatTokens(tokenizer, layout);
  return {
    system: tokens.prefix,
    tailTokens: tokens.tailTokens({ isFirst: false }),
    rounds: rounds.map(({ user, reply }, i) => ({
      open: tokens.open(user, { isFirst: i === 0 }),
      reply: tokenizer.encodeText(reply),
      close: tokens.close,
    })),
  };
}

/** Which tokens of a reply spell a value: the first, and the one behind the last. Undefined where it is not in there. */
export function valueSpan(
  tokenizer: Model["tokenizer"],
  reply: readonly number[],
  value: string,
): [first: number, end: number] | undefined {
  const texts = reply.map((_, i) =>
    tokenizer.decode(reply.slice(0, i + 1)).toLowerCase(),
  );
  const wanted = value.toLowerCase();
  const at = texts.at(-1)?.indexOf(wanted) ?? -1;
  if (at < 0) return undefined;
  const first = texts.findIndex((text) => text.length > at);
  const end = texts.findIndex((text) => text.length >= at + wanted.length) + 1;
  return [first, end];
}
