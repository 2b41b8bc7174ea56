/** What a model answers behind some rounds: greedily, and how likely it finds the right answer. */
import { frameOf } from "../../../src/engine/run/attention-frame";
import { likeliest } from "../../../src/engine/run/logits";
import { clearPages } from "../../../src/memory/half-kv";
import { newRound } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { valueSpan } from "../chats";
import type { AskedQuestion, ToldHistory } from "./told-history";

/** Tokens of a reply that are looked at. */
export const MOST_REPLY_TOKENS = 16;

/** The rounds that a question reads. */
export interface Reads {
  /** Ids. */
  ids: readonly number[];
  /** Whether the lower layers read all rounds, as in Round Attention. */
  readsLower: boolean;
}

export interface Answer {
  reply: string;
  /** Its tokens. */
  said: readonly number[];
  /** Whether the reply has the value. */
  isRight: boolean;
  /** Mean over the value's tokens, what comes before it in the right answer given; nats. */
  nll: number;
  /** To read the question, and the right answer behind it. */
  ms: number;
}

/** Rows that matvec takes: more would cost as much as a tile of matmul. */
const FEW_ROWS = 8;

/**
 * @param drafts replies that are likely: a pass checks several tokens of one. What is said does not depend on them
 * @throws RangeError if the right answer does not spell the value
 */
export async function answerOf(
  { model, runner, residency, rounds }: ToldHistory,
  { rows, value, answer }: AskedQuestion,
  { ids, readsLower }: Reads,
  drafts: readonly (readonly number[])[] = [],
): Promise<Answer> {
  const { tokenizer, generation, contextTokens } = model;
  const { length } = rows.tokens;
  const right = tokenizer.encodeText(answer);
  const span = valueSpan(tokenizer, right, value);
  if (!span) throw new RangeError(`"${answer}" does not have "${value}"`);
  const [first, end] = span;
  const own = newRound(-1, [...rows.tokens, ...right.slice(0, end - 1)]);
  const most = length + Math.max(right.length, MOST_REPLY_TOKENS + FEW_ROWS);
  const seen = new Set(ids);
  for (const half of HALVES) await residency.give(own, half, most);
  const frame = frameOf({
    history: rounds,
    own: [own],
    ownTokens: most,
    contextTokens,
    ...(readsLower ? { selected: seen } : { attended: seen }),
  });
  const placed = frame.lower.at(-1)!;
  /** Behind each of the last tokens. */
  const logits = async (count: number): Promise<Float32Array[]> => {
    const { length } = own.tokens;
    const rows: Float32Array[] = [];
    for (let from = length - count; from < length; from += FEW_ROWS) {
      const to = Math.min(from + FEW_ROWS, length);
      rows.push(...(await runner.logits(frame, { placed, from, to })));
    }
    return rows;
  };
  try {
    const start = performance.now();
    const reading = runner.prefill({
      frame,
      rows: [{ placed, from: 0, to: length - 1 }],
    });
    for await (const _ of reading) void _;
    const taught = await logits(own.tokens.length - length + 1);
    const ms = performance.now() - start;
    const nlls = right
      .slice(first, end)
      .map((token, i) => -logLikelihood(taught[first + i]!, token));

    // The right answer makes way for the model's own.
    own.tokens.length = length;
    const wanted = value.toLowerCase();
    const isIn = (tokens: readonly number[]) =>
      tokenizer.decode(tokens).toLowerCase().includes(wanted);
    const stops = new Set(generation.eosTokenIds);
    const said: number[] = [];
    /** @returns whether the reply is decided: what follows does not matter */
    const say = (token: number): boolean => {
      if (stops.has(token)) return true;
      said.push(token);
      return said.length === MOST_REPLY_TOKENS || isIn(said);
    };
    let next = likeliest(taught[0]!);
    while (!say(next)) {
      const draft = continuation(drafts, said).slice(0, FEW_ROWS - 1);
      own.tokens.length = length;
      own.tokens.push(...said, ...draft);
      const rows = (await logits(1 + draft.length)).map(likeliest);
      const agreed = draft.findIndex((token, i) => token !== rows[i]);
      const kept = agreed < 0 ? draft : draft.slice(0, agreed);
      if (kept.some(say)) break;
      next = rows[kept.length]!;
    }
    return {
      reply: tokenizer.decode(said),
      said,
      isRight: isIn(said),
      nll: nlls.reduce((a, b) => a + b, 0) / nlls.length,
      ms,
    };
  } finally {
    for (const half of HALVES) {
      clearPages(own[half]);
      residency.drop(own, half);
    }
  }
}

/** What comes behind these tokens in the first draft that begins with them. */
function continuation(
  drafts: readonly (readonly number[])[],
  said: readonly number[],
): readonly number[] {
  const draft = drafts.find(
    (one) =>
      one.length > said.length && said.every((token, i) => token === one[i]),
  );
  return draft?.slice(said.length) ?? [];
}

/** The log of the probability of a token. */
function logLikelihood(logits: Float32Array, token: number): number {
  const highest = logits[likeliest(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return logits[token]! - highest - Math.log(sum);
}
