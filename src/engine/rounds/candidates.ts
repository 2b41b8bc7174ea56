/**
 * Chooses the rounds that a question reads if the memory budget can't hold all lower halves: those with the most
 * mass by the digests of their keys. A pure function.
 */
export interface CandidateRound {
  id: number;
  /** Share of the question's attention, estimated from its digest. */
  mass: number;
  /** Pages of its lower half. */
  pages: number;
  isPinned: boolean;
}

/** The newest rounds are always read: questions mostly refer to what was just said. */
const NEWEST = 2;

/**
 * The newest and the pinned rounds, then the others by falling mass, the newer first on ties. A round that does
 * not fit is skipped.
 *
 * @param rounds in chat order
 * @returns ids in chat order
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
