/**
 * A chat of the memory benchmark with its KV: the chat as it was told, prefilled once, or a longer one in which its
 * filler is said again. Rounds that are said again share the pages of the first ones: their KV is a copy, computed
 * behind what stood before the first one.
 */
import { inTokens } from "../../../src/engine/idle/calibrate-heads";
import type { Model } from "../../../src/engine/load/load-model";
import type { Runner } from "../../../src/engine/run/runner";
import type { KvCache } from "../../../src/memory/kv-cache";
import { pagesFor } from "../../../src/memory/page-pool";
import type { Residency } from "../../../src/memory/residency";
import { newRound, type Round } from "../../../src/memory/round";
import type { TextRows } from "../../../src/model/text/text-rows";
import { HALVES } from "../../../src/util/kv-half";
import type { History } from "../history";
import {
  spreadOver,
  type ToldChat,
  type ToldQuestion,
  type ToldRound,
} from "./told-chats";

/** What a question is asked behind. */
export interface ToldHistory {
  model: Model;
  runner: Runner;
  residency: Residency;
  /** The system prompt's first; the others have the ids 1, 2, 3, ... */
  rounds: readonly Round[];
  /** What the chat's rounds say, without the system prompt. */
  texts: readonly string[];
  questions: readonly AskedQuestion[];
  /** A message without content. */
  blank: TextRows;
}

/** A question in the model's tokens. */
export interface AskedQuestion extends ToldQuestion {
  rows: TextRows;
}

/** Prefills a chat with full attention. */
export async function prefillTold(
  history: History,
  chat: ToldChat,
): Promise<ToldHistory> {
  const { model, runner, residency } = history;
  const { questions, ...said } = chat;
  const { system, rounds, blank, ...tokens } = inTokens(model, {
    ...said,
    questions: questions.map(({ text, source, value }) => ({
      text,
      kind: "same" as const,
      source,
      answer: value,
    })),
  });
  await history.fill({
    system: [...system],
    tailTokens: 0,
    rounds: rounds.map((all) => ({ open: [...all], reply: [], close: [] })),
  });
  return {
    model,
    runner,
    residency,
    rounds: history.rounds,
    texts: chat.rounds.map(textOf),
    blank,
    questions: questions.map((question, i) => ({
      ...question,
      rows: tokens.questions[i]!,
    })),
  };
}

/** The same chat with filler said again, up to so many rounds. Its KV is that of `told`, which must stay. */
export function longerTold(
  told: ToldHistory,
  { seed }: Pick<ToldChat, "seed">,
  size: number,
): ToldHistory {
  const sources = new Set(told.questions.map(({ source }) => source));
  const isFiller = told.texts.map(
    (_, i) => !sources.has(i) && i !== told.texts.length - 1,
  );
  const places = spreadOver(size, isFiller, seed);
  const [system, ...rounds] = told.rounds;
  return {
    ...told,
    rounds: [
      system!,
      ...places.map(({ round }, i) => copyOf(rounds[round]!, i + 1)),
    ],
    texts: places.map(({ round }) => told.texts[round]!),
    questions: told.questions.map((question) => ({
      ...question,
      source: places.findIndex(
        ({ round, isCopy }) => !isCopy && round === question.source,
      ),
    })),
  };
}

/** Bytes of KV of these rounds, in whole pages. */
export function bytesOf(
  rounds: readonly Round[],
  { lower, upper }: KvCache,
): Record<"lower" | "upper", number> {
  const pages = rounds
    .map(({ tokens }) => pagesFor(tokens.length))
    .reduce((a, b) => a + b, 0);
  return { lower: pages * lower.pageBytes, upper: pages * upper.pageBytes };
}

function copyOf(round: Round, id: number): Round {
  const copy = newRound(id, round.tokens);
  for (const half of HALVES) {
    copy[half].pages.push(...round[half].pages);
    copy[half].computedTokens = round[half].computedTokens;
  }
  return copy;
}

function textOf({ user, reply }: ToldRound): string {
  return `${user} ${reply}`;
}
