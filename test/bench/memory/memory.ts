/**
 * What the choice of rounds costs in quality, and saves in memory, on a real model.
 *
 *     npm run bench:rounds -- --model FILE.gguf [--rounds 24,60,200] [--count 3] [--asks N] [--rules heads,oracle]
 *
 * Facts are told in a chat, and asked for later: in the same words, in other words, or by going back to what a reply
 * said. The chat is prefilled once with full attention, and every rule answers the same questions behind the rounds
 * that it chooses. Figures by rule, over all questions:
 *
 * - right: the greedy reply of at most 16 tokens has the words that must come
 * - NLL: of these words, the right answer's words before them given; nats a token
 * - rank: of the right round, from 1; found: how often it is read
 * - rounds: how many are read, the last one included
 * - read, resident: share of the chat's KV that the question reads, and that must be on the GPU
 * - choice, question: seconds to choose, and to read the question and the right answer behind what was chosen
 *
 * Rules, all of which read the system prompt and the last round: `full` attention; `paper`, Round Attention by the
 * mean of all heads; `heads`, what a turn does; `heads 1` and `heads 2`, only so many rounds; `words`, BM25;
 * `heads + words`, both orders by reciprocal rank fusion; `last`, `random`; these three and `words` read as many rounds as
 * `heads`; `oracle`, the right round; `nothing`. A question that is answered rightly behind nothing is left out of all
 * figures: it can be guessed.
 *
 * Chats of more than 60 rounds are those of 60, with filler said again: KV of these rounds is a copy.
 */
import { KeyIndex } from "../../../src/memory/key-index";
import type { History } from "../history";
import { type Answer, answerOf } from "./answer";
import {
  type Choice,
  choicesOf,
  type HeadFindings,
  type Rule,
} from "./choices";
import { memoryTable } from "./memory-table";
import { toldChat } from "./told-chats";
import {
  type AskedQuestion,
  longerTold,
  prefillTold,
  type ToldHistory,
} from "./told-history";

export interface MemoryOptions {
  /** Rounds a chat. */
  sizes: readonly number[];
  /** Chats of each size. */
  count: number;
  /** Questions a chat at most. */
  asks: number;
  rules: readonly Rule[];
  onProgress?: ((doing: string) => void) | undefined;
}

/** What one rule did with one question. */
export interface MemorySample
  extends Omit<Choice, "ids" | "readsLower">, Omit<Answer, "said"> {
  /** How many rounds it read. */
  rounds: number;
  /** Whether the right one was among them. */
  isFound: boolean;
}

export interface MemoryCase extends Pick<
  AskedQuestion,
  "text" | "kind" | "source" | "value"
> {
  rounds: number;
  seed: number;
  heads: HeadFindings;
  samples: MemorySample[];
}

/** Longer chats are made of these. */
const BASE_ROUNDS = 60;
/** Seeds that nothing else uses. */
const FIRST_SEED = 7001;

/** @throws RangeError if the model has no retrieval heads */
export async function benchMemory(
  history: History,
  { sizes, count, asks, rules, onProgress }: MemoryOptions,
): Promise<MemoryCase[]> {
  const { model, gpu } = history;
  const { index, indexBytes, network } = model;
  if (!index)
    throw new RangeError(
      `The retrieval heads of ${model.name} are not known. \`npm run calibrate\` finds them.`,
    );
  const { config, cache } = network;
  const queriesPerKey = config.numAttentionHeads / config.numKeyValueHeads;
  const keys = new KeyIndex(gpu, cache, index.heads, queriesPerKey, indexBytes);
  const cases: MemoryCase[] = [];
  const ask = async (told: ToldHistory, seed: number) => {
    const size = told.texts.length;
    for (const [i, question] of told.questions.slice(0, asks).entries()) {
      const one = await caseOf(told, question, {
        index: keys,
        rules: rulesFor(told, rules),
        seed: 1000 * seed + i,
      });
      cases.push({ ...one, rounds: size, seed });
      onProgress?.(lineOf(cases.at(-1)!));
    }
    for (const round of told.rounds) keys.drop(round);
    onProgress?.(memoryTable(cases));
  };

  for (let chat = 0; chat < count; chat++) {
    const seed = FIRST_SEED + chat;
    const short = sizes.filter((size) => size < BASE_ROUNDS);
    const long = sizes.filter((size) => size > BASE_ROUNDS);
    const own = sizes.length > short.length ? [...short, BASE_ROUNDS] : short;
    for (const size of own) {
      onProgress?.(`chat ${chat + 1} of ${count}, ${size} rounds`);
      const told = await prefillTold(history, toldChat(seed, size));
      if (sizes.includes(size)) await ask(told, seed);
      if (size < BASE_ROUNDS) continue;
      for (const more of long)
        await ask(longerTold(told, { seed }, more), seed);
    }
  }
  keys.destroy();
  return cases;
}

/** Full attention, also of the lower layers, only within the range that the model was trained on. */
function rulesFor(
  { rounds, model }: ToldHistory,
  rules: readonly Rule[],
): Rule[] {
  const tokens = rounds.reduce((sum, one) => sum + one.tokens.length, 0);
  const isWithin = tokens + 100 <= model.contextTokens;
  return rules.filter(
    (rule) => isWithin || (rule !== "full" && rule !== "paper"),
  );
}

async function caseOf(
  told: ToldHistory,
  question: AskedQuestion,
  request: Parameters<typeof choicesOf>[2],
): Promise<Omit<MemoryCase, "rounds" | "seed">> {
  const { choices, heads } = await choicesOf(told, question, request);
  // Rules that choose the same rounds have the same answer.
  const answers = new Map<string, Answer>();
  const samples: MemorySample[] = [];
  for (const { ids, readsLower, ...choice } of choices) {
    const key = `${readsLower} ${ids.join(" ")}`;
    const answer =
      answers.get(key) ??
      (await answerOf(
        told,
        question,
        { ids, readsLower },
        [...answers.values()].map(({ said }) => said),
      ));
    answers.set(key, answer);
    const { said: _, ...figures } = answer;
    samples.push({
      ...choice,
      ...figures,
      rounds: ids.length,
      isFound: ids.includes(question.source + 1),
    });
  }
  const { text, kind, source, value } = question;
  return { text, kind, source, value, heads, samples };
}

/** One case, shortly: by rule whether it was right, and the NLL. */
function lineOf({ rounds, kind, value, samples }: MemoryCase): string {
  const of = samples.map(
    ({ rule, isRight, nll }) =>
      `${rule} ${isRight ? "+" : "-"}${nll.toFixed(2)}`,
  );
  return `${rounds} rounds, ${kind} (${value}): ${of.join("; ")}`;
}
