/**
 * Selects the rounds that a turn attends to in the upper layers, by how the question's attention falls on each at
 * the watershed (Round Attention, arXiv 2502.15294). A pure function; others carry it out.
 */

/** What is known of a round before its upper half is resident. */
export interface RoundMass {
  id: number;
  /** Share of the attention on rounds that falls on this one; all rounds sum to 1. */
  mass: number;
  /** Bytes of its upper half. */
  bytes: number;
  isPinned: boolean;
}

export interface SelectOptions {
  /** Rounds are taken by falling mass until they hold this share. Default 0.9. */
  tau?: number;
  /** At least this many rounds are taken by mass. Default 1. */
  kMin?: number;
  /** The most bytes of upper halves. Default: no limit. */
  budgetBytes?: number;
}

/** Why a round was selected. */
export type SelectReason = "last" | "pinned" | "mass";

export interface Selection {
  /** In chat order. */
  rounds: { id: number; reason: SelectReason }[];
  /** Mass of all selected rounds. */
  capturedMass: number;
  /** Whether the budget left out a round that tau requires. */
  isCut: boolean;
}

/**
 * Always the last round and the pinned ones; then the smallest set of rounds, by falling mass, whose sum reaches
 * tau, the newer first on ties, at least kMin; within the budget.
 *
 * @param rounds in chat order, without the turn's own
 */
export function select(
  rounds: readonly RoundMass[],
  { tau = 0.9, kMin = 1, budgetBytes = Infinity }: SelectOptions = {},
): Selection {
  const reasons = new Map<RoundMass, SelectReason>();
  let bytes = 0;
  let isCut = false;
  const take = (round: RoundMass, reason: SelectReason) => {
    if (reasons.has(round)) return;
    if (bytes + round.bytes > budgetBytes) {
      isCut = true;
      return;
    }
    bytes += round.bytes;
    reasons.set(round, reason);
  };

  const last = rounds.at(-1);
  if (last) take(last, "last");
  for (const round of rounds) if (round.isPinned) take(round, "pinned");

  let reached = 0;
  byFallingMass(rounds).forEach((round, rank) => {
    if (reached >= tau && rank >= kMin) return;
    reached += round.mass;
    take(round, "mass");
  });

  const taken = rounds.filter((round) => reasons.has(round));
  return {
    rounds: taken.map((round) => ({
      id: round.id,
      reason: reasons.get(round)!,
    })),
    capturedMass: taken.reduce((sum, { mass }) => sum + mass, 0),
    isCut,
  };
}

function byFallingMass(rounds: readonly RoundMass[]): RoundMass[] {
  return rounds
    .map((round, place) => ({ round, place }))
    .sort((a, b) => b.round.mass - a.round.mass || b.place - a.place)
    .map(({ round }) => round);
}
