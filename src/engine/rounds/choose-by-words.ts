/**
 * Chooses the rounds of a turn by the words they share with the question and by how new they are, for models whose
 * retrieval heads are not known. A pure function.
 */
import { type Selection, TakenRounds } from "./select";

export interface WordedRound {
  id: number;
  /** How well its words fit the question's (word-scores.ts); 0: they share none. */
  score: number;
  /** Bytes of both its halves. */
  bytes: number;
  isPinned: boolean;
}

/** Flattens both rankings, so that neither's first place decides (Cormack et al., SIGIR 2009). */
const RANK_OFFSET = 60;

/**
 * Always the last round and the pinned ones; then by both rankings, fused by reciprocal rank, as many as fit.
 *
 * @param rounds in chat order, without the turn's own
 * @returns `capturedMass` is the share of the words' scores that the chosen rounds have; 1 if no word is shared
 */
export function chooseByWords(
  rounds: readonly WordedRound[],
  budgetBytes: number,
): Selection {
  const taken = new TakenRounds(rounds, budgetBytes);
  const newest = rounds.toReversed();
  const fitting = newest
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const places = new Map<WordedRound, number>();
  for (const ranking of [newest, fitting])
    ranking.forEach((round, rank) => {
      const sum = places.get(round) ?? 0;
      places.set(round, sum + 1 / (RANK_OFFSET + rank + 1));
    });
  const best = newest.sort((a, b) => places.get(b)! - places.get(a)!);
  for (const round of best)
    taken.take(round, round.score > 0 ? "words" : "recent");
  const all = rounds.reduce((sum, { score }) => sum + score, 0);
  return taken.selection(({ score }) =>
    all > 0 ? score / all : 1 / rounds.length,
  );
}
