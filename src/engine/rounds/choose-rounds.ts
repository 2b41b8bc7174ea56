/** Chooses the rounds that a turn reads, by the scores that retrieval heads give them. Pure functions. */
import { type Selection, TakenRounds } from "./select";

export interface ScoredRound {
  id: number;
  /** p − p0 of the head that gains most (round-scores.ts). */
  raw: number;
  /** Share of what all rounds gain; all rounds sum to 1. */
  score: number;
  /** Bytes of both its halves. */
  bytes: number;
  isPinned: boolean;
  /** As in RoundMass. */
  unit?: number | undefined;
}

export interface ChooseOptions {
  /** What a question that asks for nothing may reach: a round has to be above it. */
  noise: number;
  /** The best so many rounds are chosen whatever they reach. Default 1. */
  kMin?: number;
  /** The most bytes of chosen rounds. Default: no limit. */
  budgetBytes?: number;
}

/**
 * Always the last round and the pinned ones; then by falling score, the newer first on ties, each whose raw score
 * is above the noise, at least the best kMin. A round that does not fit the budget is left out.
 *
 * @param rounds in chat order, without the turn's own
 * @returns `capturedMass` is the score of the chosen rounds
 */
export function chooseRounds(
  rounds: readonly ScoredRound[],
  { noise, kMin = 1, budgetBytes = Infinity }: ChooseOptions,
): Selection {
  const taken = new TakenRounds(rounds, budgetBytes);
  // Reversed first: the sort is stable, so the newer goes first on ties.
  rounds
    .toReversed()
    .sort((a, b) => b.score - a.score)
    .forEach((round, rank) => {
      if (round.raw > noise || rank < kMin) taken.take(round, "mass");
    });

  return taken.selection(({ score }) => score);
}

/** What a question that asks for nothing reaches at so many units. */
export type NoisePoint = readonly [units: number, value: number];

/**
 * The noise at so many units: between two points linear in log(units), beyond them that of the nearest; 0 where
 * none is known.
 *
 * @param noise by rising units
 */
export function noiseAt(noise: readonly NoisePoint[], units: number): number {
  const above = noise.findIndex(([at]) => at >= units);
  if (above === 0) return noise[0]![1];
  if (above === -1) return noise.at(-1)?.[1] ?? 0;
  const [from, low] = noise[above - 1]!;
  const [to, high] = noise[above]!;
  const share = Math.log(units / from) / Math.log(to / from);
  return low + share * (high - low);
}
