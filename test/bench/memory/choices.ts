/** Every rule's choice of rounds for one question: what the benchmark of memory compares. */
import type { KeyIndex } from "../../../src/memory/key-index";
import { newRound, type Round } from "../../../src/memory/round";
import { HALVES } from "../../../src/util/kv-half";
import { select } from "../../../src/engine/rounds/select";
import { chooseByHeads } from "../../../src/engine/turn/choose-by-heads";
import { PageBudget } from "../../../src/engine/turn/page-budget";
import { modelAttention } from "../../../src/engine/turn/turn-request";
import { massOf } from "../rounds";
import type { Reads } from "./answer";
import { drawn } from "./told-chats";
import { type AskedQuestion, bytesOf, type ToldHistory } from "./told-history";
import { fused, orderOf } from "../../../src/engine/rounds/rank-fusion";
import { rankOf } from "./rank";
import { wordScores } from "../../../src/engine/rounds/word-scores";

export const RULES = [
  "full",
  "paper",
  "heads",
  "heads 1",
  "heads 2",
  "words",
  "heads + words",
  "last",
  "random",
  "oracle",
  "nothing",
] as const;
export type Rule = (typeof RULES)[number];

export interface Choice extends Reads {
  rule: Rule;
  /** The place of the right round in the rule's order, from 1; undefined: it has no order. */
  rank?: number;
  /** Shares of the KV of the whole chat, in whole pages: what the question reads, and what must be on the GPU. */
  read: number;
  resident: number;
  /** Time that the choice took. */
  choiceMs: number;
}

/** What the retrieval heads said, for the record. */
export interface HeadFindings {
  raw: number[];
  score: number[];
  noise: number;
}

export interface ChoiceRequest {
  index: KeyIndex;
  rules: readonly Rule[];
  seed: number;
}

/** Ids of rounds are their places, from 1. All rules read the last round. */
export async function choicesOf(
  told: ToldHistory,
  question: AskedQuestion,
  { index, rules, seed }: ChoiceRequest,
): Promise<{ choices: Choice[]; heads: HeadFindings }> {
  const { texts } = told;
  const last = texts.length;
  const source = question.source + 1;
  const found = await timed(() => byHeads(told, question, index));
  const { scores, noise, selection } = found.result;
  const ids = selection.rounds.map(({ id }) => id);
  // As many for the others, and one for the last.
  const count = ids.length - 1;
  const best = (order: readonly number[], wanted: number) => [
    ...order.slice(0, wanted).map((place) => place + 1),
    last,
  ];
  const headOrder = orderOf(scores.score);
  const headRank = rankOf(scores.score, question.source);
  const byWords = wordScores(texts, question.text);
  const both = fused(last, [headOrder, orderOf(byWords)]);

  const of: Record<
    Rule,
    () => Promise<{ ids: number[]; rank?: number; ms?: number }>
  > = {
    full: async () => ({ ids: texts.map((_, i) => i + 1) }),
    paper: async () => {
      const { result, ms } = await timed(() => byMass(told, question));
      return { ...result, ms };
    },
    heads: async () => ({ ids, rank: headRank, ms: found.ms }),
    "heads 1": async () => ({ ids: best(headOrder, 1), rank: headRank }),
    "heads 2": async () => ({ ids: best(headOrder, 2), rank: headRank }),
    words: async () => ({
      ids: best(orderOf(byWords), count),
      rank: rankOf(byWords, question.source),
    }),
    "heads + words": async () => ({
      ids: best(orderOf(both), count),
      rank: rankOf(both, question.source),
    }),
    last: async () => ({
      ids: Array.from({ length: count + 1 }, (_, i) => last - i),
    }),
    random: async () => ({
      ids: best(drawn(last - 1, count, seed), count),
    }),
    oracle: async () => ({ ids: [source, last] }),
    nothing: async () => ({ ids: [last] }),
  };
  const choices: Choice[] = [];
  for (const rule of rules) {
    const { ids, rank, ms = 0 } = await of[rule]();
    const unique = [...new Set(ids)].sort((a, b) => a - b);
    choices.push({
      rule,
      ids: unique,
      readsLower: rule === "paper",
      ...(rank !== undefined && { rank }),
      ...sharesOf(told, rule, unique, index),
      choiceMs: ms,
    });
  }
  return { choices, heads: { ...scores, noise } };
}

/** As a turn does it, with all KV resident. */
async function byHeads(
  { model, runner, residency, rounds, blank }: ToldHistory,
  { rows }: AskedQuestion,
  index: KeyIndex,
) {
  const own = newRound(-1, rows.tokens);
  for (const half of HALVES) await residency.give(own, half);
  const { contextTokens } = model;
  const turn = {
    runner,
    residency,
    contextTokens,
    history: rounds,
    own,
    ownTokens: rows.tokens.length,
    settings: modelAttention(model),
  };
  const search = {
    index,
    settings: model.index!,
    question: rows,
    blank,
    keysOf: () => undefined,
  };
  const choosing = chooseByHeads(
    turn,
    search,
    new PageBudget(residency, turn),
    {
      async *bring() {
        // All rounds are resident.
      },
      letGo: () => undefined,
      progress: () => undefined,
    },
  );
  let next = await choosing.next();
  while (next.done !== true) next = await choosing.next();
  for (const half of HALVES) residency.drop(own, half);
  return next.value;
}

/** As a turn does it that was loaded with `selection: "paper"`. */
async function byMass(
  told: ToldHistory,
  { rows, source }: AskedQuestion,
): Promise<{ ids: number[]; rank: number }> {
  const count = told.texts.length;
  const tail = rows.tokens.length - rows.to;
  const mass = await massOf(
    { ...told, rounds: [...told.rounds] },
    count,
    rows.tokens,
    tail,
  );
  const { tau } = told.model.selection;
  const rounds = mass.map((one, i) => ({
    id: i + 1,
    mass: one,
    bytes: 0,
    isPinned: false,
  }));
  return {
    ids: select(rounds, { tau }).rounds.map(({ id }) => id),
    rank: rankOf(mass, source),
  };
}

function sharesOf(
  { rounds, residency: { cache } }: ToldHistory,
  rule: Rule,
  ids: readonly number[],
  index: KeyIndex,
): Pick<Choice, "read" | "resident"> {
  const sum = (some: readonly Round[]) => bytesOf(some, cache);
  const all = sum(rounds);
  const chosen = sum(rounds.filter(({ id }) => id === 0 || ids.includes(id)));
  const whole = all.lower + all.upper;
  const read = (rule === "paper" ? all.lower : chosen.lower) + chosen.upper;
  const asksHeads = rule.startsWith("heads");
  const pages = all.lower / cache.lower.pageBytes;
  const keys = asksHeads ? pages * index.pageBytes : 0;
  return { read: read / whole, resident: (read + keys) / whole };
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work();
  return { result, ms: performance.now() - start };
}
