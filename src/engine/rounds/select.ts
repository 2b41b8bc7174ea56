/**
 * Which rounds a turn attends to in the upper layers, from how much of the question's attention falls
 * on each at the watershed (Round Attention, arXiv 2502.15294). Numbers in, ids out; others carry it out.
 */

/** What is known of a round before its upper half is there. */
export interface RoundMass {
  id: number;
  /** Share of the attention on rounds that falls on this one; over all rounds it sums to 1. */
  mass: number;
  /** Bytes of its upper half. */
  bytes: number;
  isPinned: boolean;
}

export interface SelectOptions {
  /** Rounds are taken by falling mass until they hold this share. Default 0.9. */
  tau?: number;
  /** At least so many rounds are taken by mass. Default 1. */
  kMin?: number;
  /** Bytes of upper halves at most. Default: no limit. */
  budgetBytes?: number;
}

/** Why a round was taken. */
export type SelectReason = "last" | "pinned" | "mass";

export interface Selection {
  /** In the order of the chat. */
  rounds: { id: number; reason: SelectReason }[];
  /** Mass of all that was taken. */
  capturedMass: number;
  /** Whether the budget left out a round that tau asked for. */
  isCut: boolean;
}

/**
 * The last round and pinned ones always; then the smallest set of rounds, by falling mass, whose sum
 * reaches tau, the newer first on ties, at least kMin; as far as the budget goes.
 *
 * @param rounds in the order of the chat, the turn's own left out
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
