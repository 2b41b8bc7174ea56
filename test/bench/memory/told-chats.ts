/**
 * Chats of the memory benchmark: made-up small talk in which facts are told and advice is given, each in a round of
 * its own, and questions about them whose answers are known. Drawn from a seed: the same seed gives the same chats
 * everywhere.
 */
import { FACTS, FILLER, REPLIES, SYSTEM } from "./told-facts";

export interface ToldRound {
  user: string;
  reply: string;
}

export interface ToldQuestion {
  text: string;
  /** Asked in the words of the round that has the answer, in other words, or going back to what a reply said. */
  kind: "same" | "other" | "return";
  /** Index of the round with the answer; never the last one. */
  source: number;
  /** The words that must come. */
  value: string;
  /** A right answer. */
  answer: string;
}

/** All its questions are asked behind the same rounds. */
export interface ToldChat {
  seed: number;
  system: string;
  rounds: ToldRound[];
  questions: ToldQuestion[];
}

/** Of so many rounds there are this many facts and replies to go back to, about one round in five. */
interface Plan {
  facts: number;
  replies: number;
}

const SHORT: Plan = { facts: 5, replies: 2 };
const LONG: Plan = { facts: 7, replies: 4 };
const LONG_ROUNDS = 48;

/** The most rounds without saying anything twice. */
export const MOST_TOLD = 72;

/** @param size rounds, at most `MOST_TOLD` */
export function toldChat(seed: number, size: number): ToldChat {
  const random = seededRandom(seed);
  const plan = size < LONG_ROUNDS ? SHORT : LONG;
  const draw = <T>(from: readonly T[], count: number) =>
    shuffled(from, random).slice(0, count);
  const one = <T>(from: readonly T[]) => draw(from, 1)[0]!;

  const told = [
    ...draw(linesOf(FACTS), plan.facts).map(
      ([message, same, other, lead, values]) => {
        const value = one(values!.split(", "));
        const user = filled(message!, value);
        const answer = `${lead} ${value}.`;
        const about = { value, answer };
        return {
          round: { user, reply: "All right, I will remember that." },
          questions: [
            { ...about, text: same!, kind: "same" as const },
            { ...about, text: other!, kind: "other" as const },
          ],
        };
      },
    ),
    ...draw(linesOf(REPLIES), plan.replies).map(
      ([user, reply, back, lead, values]) => {
        const value = one(values!.split(", "));
        const answer = `${lead} ${value}.`;
        return {
          round: { user: user!, reply: filled(reply!, value) },
          questions: [{ value, answer, text: back!, kind: "return" as const }],
        };
      },
    ),
  ];
  const filler = draw(linesOf(FILLER), size - told.length);
  if (filler.length < size - told.length)
    throw new RangeError(`${size} rounds; there are ${MOST_TOLD} at most`);
  const rounds = filler.map(([user, reply]) => ({
    user: user!,
    reply: reply!,
  }));
  // Not in the last round, which every turn reads. Rising, since each moves those behind it.
  const places = draw([...Array(size - 1).keys()], told.length).sort(
    (a, b) => a - b,
  );
  const questions = shuffled(told, random).flatMap((one, i) => {
    const source = places[i]!;
    rounds.splice(source, 0, one.round);
    return one.questions.map((question) => ({ ...question, source }));
  });
  return { seed, system: SYSTEM, rounds, questions };
}

/**
 * Places for the rounds of a chat in a longer one, in order, the last one last. What stands between them is filler,
 * said again.
 *
 * @param isFiller by round of the chat
 * @returns for each place of the longer chat the round that stands there, and whether it is said again
 */
export function spreadOver(
  size: number,
  isFiller: readonly boolean[],
  seed: number,
): { round: number; isCopy: boolean }[] {
  const random = seededRandom(seed);
  const count = isFiller.length;
  const filler = [...isFiller.keys()].filter((round) => isFiller[round]);
  const own = new Set(
    shuffled([...Array(size - 1).keys()], random).slice(0, count - 1),
  );
  own.add(size - 1);
  let next = 0;
  return Array.from({ length: size }, (_, place) =>
    own.has(place)
      ? { round: next++, isCopy: false }
      : {
          round: filler[Math.floor(random() * filler.length)]!,
          isCopy: true,
        },
  );
}

/** So many numbers from 0 to `count` - 1, without one twice. */
export function drawn(count: number, wanted: number, seed: number): number[] {
  return shuffled([...Array(count).keys()], seededRandom(seed)).slice(
    0,
    wanted,
  );
}

function filled(text: string, value: string): string {
  // A function: "$" means something in a string that replaces.
  return text.replace("$", () => value);
}

/** The lines of a text, each in its parts. */
export function linesOf(text: string): string[][] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(" | "));
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
