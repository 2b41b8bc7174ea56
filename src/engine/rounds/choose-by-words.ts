/**
 * Chooses the rounds of a turn by the words they share with the question and by how new they are, for models whose
 * retrieval heads are not known. A pure function.
 */
import { fused, orderOf } from "./rank-fusion";
import { type Selection, TakenRounds } from "./select";

export interface WordedRound {
  id: number;
  /** How well its words fit the question's (word-scores.ts); 0: they share none. */
  score: number;
  /** Bytes of both its halves. */
  bytes: number;
  isPinned: boolean;
  /** As in RoundMass. */
  unit?: number | undefined;
}

/**
 * Always the last round and the pinned ones; then by both rankings, fused (rank-fusion.ts), as many as fit.
 *
 * @param rounds in chat order, without the turn's own
 * @returns `capturedMass` is the share of the words' scores that the chosen rounds have; 1 if no word is shared
 */
export function chooseByWords(
  rounds: readonly WordedRound[],
  budgetBytes: number,
): Selection {
  const taken = new TakenRounds(rounds, budgetBytes);
  const newest = [...rounds.keys()].reverse();
  const fitting = orderOf(rounds.map(({ score }) => score));
  for (const place of orderOf(fused(rounds.length, [newest, fitting]))) {
    const round = rounds[place]!;
    taken.take(round, round.score > 0 ? "words" : "recent");
  }
  const all = rounds.reduce((sum, { score }) => sum + score, 0);
  return taken.selection(({ score }) =>
    all > 0 ? score / all : 1 / rounds.length,
  );
}
