/**
 * Which rounds a question reads at all, where the lower halves of all of them are more than the memory
 * budget holds: those that digests of their keys promise most of. Numbers in, ids out.
 */
export interface CandidateRound {
  id: number;
  /** Share of the question's attention, as far as its digest tells. */
  mass: number;
  /** Pages of its lower half. */
  pages: number;
  isPinned: boolean;
}

/** The newest rounds are read in any case: what was just said is what is mostly meant. */
const NEWEST = 2;

/**
 * The newest rounds and pinned ones, then the others by falling mass, the newer first on ties; one that
 * does not fit is left out, and the next ones may.
 *
 * @param rounds in the order of the chat
 * @returns ids in that order
 */
export function chooseCandidates(
  rounds: readonly CandidateRound[],
  pages: number,
): number[] {
  const isForced = (round: CandidateRound) =>
    round.isPinned || rounds.indexOf(round) >= rounds.length - NEWEST;
  const newestFirst = rounds.toReversed();
  const ranked = [
    ...newestFirst.filter(isForced),
    ...newestFirst
      .filter((round) => !isForced(round))
      .sort((a, b) => b.mass - a.mass),
  ];
  const chosen = new Set<number>();
  let left = pages;
  for (const { id, pages: needed } of ranked) {
    if (needed > left) continue;
    left -= needed;
    chosen.add(id);
  }
  return rounds.map(({ id }) => id).filter((id) => chosen.has(id));
}
