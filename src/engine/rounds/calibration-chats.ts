/**
 * The built-in chats that retrieval heads are chosen on (choose-heads.ts): made-up small talk in which facts are
 * told, each in a round of its own, and questions whose answers are known. Drawn from a seed: the same seed gives
 * the same chats everywhere. To be imported when a model is calibrated, not before.
 */
import {
  ENGLISH,
  FRENCH,
  GERMAN,
  SPANISH,
  type Talk,
} from "./calibration-talk";

export interface CalibrationRound {
  user: string;
  reply: string;
}

export interface CalibrationQuestion {
  text: string;
  /** Asked in the words of the round that has the answer, in other words, or for nothing of the chat. */
  kind: "same" | "other" | "none";
  /** Index of the round with the answer, and the words there that are it; never the last round. */
  source?: number;
  answer?: string;
}

/** All its questions are asked behind the same rounds: one prefill serves them all. */
export interface CalibrationChat {
  system: string;
  rounds: CalibrationRound[];
  questions: CalibrationQuestion[];
}

interface Plan {
  talk: Talk;
  rounds: number;
  facts: number;
  /** Questions that ask for nothing of the chat. */
  nothing: number;
}

const LONG = { rounds: 24, facts: 5, nothing: 4 };
const SHORT = { rounds: 12, facts: 3, nothing: 3 };
const PLANS: readonly Plan[] = [
  ...times(5, { talk: ENGLISH, ...LONG }),
  ...times(7, { talk: ENGLISH, ...SHORT }),
  ...[GERMAN, FRENCH, SPANISH].flatMap((talk) => times(2, { talk, ...SHORT })),
];

/** About 12,000 tokens, mostly in English; every sixth or so in German, French or Spanish. */
export function calibrationChats(seed = 1): CalibrationChat[] {
  const random = seededRandom(seed);
  return PLANS.map((plan) => chatOf(plan, random));
}

function chatOf(
  { talk, rounds, facts, nothing }: Plan,
  random: () => number,
): CalibrationChat {
  const draw = <T>(from: readonly T[], count: number) =>
    shuffled(from, random).slice(0, count);
  const one = <T>(from: readonly T[]) => draw(from, 1)[0]!;

  const exchanges = shuffled(linesOf(talk.exchanges), random);
  const chat: CalibrationChat = {
    system: talk.system,
    rounds: roundsOf(exchanges, rounds - facts),
    questions: [],
  };
  // Not in the last round, which every turn reads. Rising, since each moves those behind it.
  const places = draw([...Array(rounds - 1).keys()], facts).sort(
    (a, b) => a - b,
  );
  draw(linesOf(talk.facts), facts).forEach((fact, i) => {
    const [message, same, other, values] = fact;
    const source = places[i]!;
    const answer = one(values!.split(", "));
    const [reply] = one(linesOf(talk.replies));
    // A function: "$" means something in a string that replaces.
    const user = message!.replace("$", () => answer);
    chat.rounds.splice(source, 0, { user, reply: reply! });
    chat.questions.push(
      { text: same!, kind: "same", source, answer },
      { text: other!, kind: "other", source, answer },
    );
  });
  for (const [text] of draw(linesOf(talk.nothing), nothing))
    chat.questions.push({ text: text!, kind: "none" });
  return chat;
}

/**
 * So many rounds of one exchange each, and every second one of two while there are any left: units differ in
 * length in real chats, too.
 */
function roundsOf(
  exchanges: readonly string[][],
  rounds: number,
): CalibrationRound[] {
  const seconds = exchanges.slice(rounds);
  return exchanges.slice(0, rounds).map((first, i) => {
    const second = i % 2 === 0 ? seconds[i / 2] : undefined;
    const both = second ? [first, second] : [first];
    return {
      user: both.map(([user]) => user!).join(" "),
      reply: both.map(([, reply]) => reply!).join(" "),
    };
  });
}

/** The lines of a text, each in its parts. */
function linesOf(text: string): string[][] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(" | "));
}

function times(count: number, plan: Plan): Plan[] {
  return new Array<Plan>(count).fill(plan);
}

/** In random order (Fisher–Yates). */
function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

/** Uniform numbers in [0, 1), one a call (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
