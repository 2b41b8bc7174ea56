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
  /** Rounds of the same unit are taken together: a call of a tool and what it gave. Default: a unit of its own. */
  unit?: number | undefined;
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
export type SelectReason = "last" | "pinned" | "mass" | "words" | "recent";

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
  const taken = new TakenRounds(rounds, budgetBytes);
  let reached = 0;
  byFallingMass(rounds).forEach((round, rank) => {
    if (reached >= tau && rank >= kMin) return;
    reached += round.mass;
    taken.take(round, "mass");
  });

  return taken.selection(({ mass }) => mass);
}

function byFallingMass(rounds: readonly RoundMass[]): RoundMass[] {
  return rounds
    .map((round, place) => ({ round, place }))
    .sort((a, b) => b.round.mass - a.round.mass || b.place - a.place)
    .map(({ round }) => round);
}

/**
 * Rounds that are taken as far as a budget has room: the last one and pinned ones first. Those of a unit are taken
 * together or not at all; only of the last one's, the newest are taken where there is no room for all.
 */
export class TakenRounds<
  R extends Pick<RoundMass, "id" | "bytes" | "isPinned" | "unit">,
> {
  readonly #rounds: readonly R[];
  readonly #units = new Map<number, R[]>();
  readonly #reasons = new Map<R, SelectReason>();
  #bytesLeft: number;
  #isCut = false;

  /** @param rounds in chat order */
  constructor(rounds: readonly R[], budgetBytes: number) {
    this.#rounds = rounds;
    this.#bytesLeft = budgetBytes;
    for (const round of rounds) {
      if (round.unit === undefined) continue;
      const unit = this.#units.get(round.unit);
      if (unit) unit.push(round);
      else this.#units.set(round.unit, [round]);
    }
    const last = rounds.at(-1);
    if (last)
      for (const round of this.#unitOf(last).toReversed())
        this.#takeAll([round], "last");
    for (const round of rounds) if (round.isPinned) this.take(round, "pinned");
  }

  take(round: R, reason: SelectReason): void {
    this.#takeAll(this.#unitOf(round), reason);
  }

  #unitOf(round: R): readonly R[] {
    return round.unit === undefined ? [round] : this.#units.get(round.unit)!;
  }

  #takeAll(rounds: readonly R[], reason: SelectReason): void {
    const more = rounds.filter((round) => !this.#reasons.has(round));
    const bytes = more.reduce((sum, round) => sum + round.bytes, 0);
    if (bytes > this.#bytesLeft) {
      this.#isCut = true;
      return;
    }
    this.#bytesLeft -= bytes;
    for (const round of more) this.#reasons.set(round, reason);
  }

  selection(massOf: (round: R) => number): Selection {
    const taken = this.#rounds.filter((round) => this.#reasons.has(round));
    return {
      rounds: taken.map((round) => ({
        id: round.id,
        reason: this.#reasons.get(round)!,
      })),
      capturedMass: taken.reduce((sum, round) => sum + massOf(round), 0),
      isCut: this.#isCut,
    };
  }
}
