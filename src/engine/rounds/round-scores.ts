/**
 * Scores rounds by what a question's attention gains on each over a question without content ("contextual
 * calibration", as in In-Context Reranking and QRHead, arXiv 2506.09944). Pure functions.
 *
 *     p, p0 = share of a head's attention on a round, for the question and for the blank one
 *     raw   = max over heads of p − p0
 *     score = mean over heads of max(p − p0, 0) / its sum over rounds
 *
 * Each head that gains anything has one vote, however much of its attention stays with the system prompt.
 */
import type { ScoreHow } from "../../model/config/round-index";
import type { UnitSoftmax } from "../run/unit-softmax";
import { massOf } from "./unit-mass";

/** Both in chat order. */
export interface RoundScores {
  /** How sure the surest head is: a number to compare with the noise. */
  raw: number[];
  /** All rounds sum to 1; zeros where no round gained anything. */
  score: number[];
}

export interface ScoreRequest {
  /** By head. */
  question: readonly UnitSoftmax[];
  /** The same heads and units, for the question without content. */
  blank: readonly UnitSoftmax[];
  /** The first unit that is a round: those before it are the system prompt and the question itself. */
  first: number;
  how: ScoreHow;
}

/** @throws RangeError if the two questions were not asked of the same heads and units */
export function scoreRounds({
  question,
  blank,
  first,
  how,
}: ScoreRequest): RoundScores {
  expectSameUnits(question, blank);
  const gains = question.map((softmax, head) => {
    const blanks = massOf(blank[head]!, how);
    return massOf(softmax, how)
      .map((mass, unit) => mass - blanks[unit]!)
      .slice(first);
  });
  return combined(gains);
}

/**
 * The scores of rounds by some heads.
 *
 * @param gains [head][round] p − p0
 */
export function combined(gains: readonly (readonly number[])[]): RoundScores {
  const rounds = gains[0] ?? [];
  const shares = gains.map((ofHead) =>
    normalised(ofHead.map((gain) => Math.max(gain, 0))),
  );
  const sumOver = (heads: readonly (readonly number[])[], round: number) =>
    heads.reduce((sum, ofHead) => sum + ofHead[round]!, 0);
  return {
    raw: rounds.map((_, round) =>
      Math.max(...gains.map((ofHead) => ofHead[round]!)),
    ),
    score: normalised(rounds.map((_, round) => sumOver(shares, round))),
  };
}

/** Divided by their sum; zeros stay zeros. */
function normalised(values: readonly number[]): number[] {
  const total = values.reduce((a, b) => a + b, 0);
  return values.map((value) => (total > 0 ? value / total : 0));
}

function expectSameUnits(
  question: readonly UnitSoftmax[],
  blank: readonly UnitSoftmax[],
): void {
  const unitsOf = (heads: readonly UnitSoftmax[]) =>
    heads.map(({ units }) => units).join(", ");
  if (unitsOf(question) !== unitsOf(blank)) {
    throw new RangeError(
      `round scores: the question has units by head [${unitsOf(question)}], the blank one [${unitsOf(blank)}]`,
    );
  }
}
