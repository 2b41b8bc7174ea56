/**
 * Chooses the rounds that a question reads if the memory budget can't hold all lower halves: those with the most
 * mass by the digests of their keys. A pure function.
 */
import { TakenRounds } from "./select";

export interface CandidateRound {
  id: number;
  /** Share of the question's attention, estimated from its digest. */
  mass: number;
  /** Pages of its lower half. */
  pages: number;
  isPinned: boolean;
  /** As in RoundMass. */
  unit?: number | undefined;
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
  const sized = rounds.map((round) => ({ ...round, bytes: round.pages }));
  const taken = new TakenRounds(sized, pages);
  const newestFirst = sized.toReversed();
  for (const round of newestFirst.slice(0, NEWEST)) taken.take(round, "recent");
  for (const round of newestFirst.sort((a, b) => b.mass - a.mass))
    taken.take(round, "mass");
  return taken.selection(() => 0).rounds.map(({ id }) => id);
}
