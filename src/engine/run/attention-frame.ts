/** The attention frame of a pass: which rounds its rows attend to, by half, and at which positions. */
import { layOutBases } from "../../memory/base-layout";
import { type PlacedRound, placeRounds } from "../../memory/page-table";
import type { Round } from "../../memory/round";

/**
 * Rounds with their positions; the rounds whose rows are computed come last in both halves, at the same
 * positions.
 */
export interface Frame {
  lower: readonly PlacedRound[];
  upper: readonly PlacedRound[];
}

export interface FrameRequest {
  /** The system prompt's round first, then the chat's in order. */
  history: readonly Round[];
  /** Rounds whose rows are computed, behind the history. */
  own: readonly Round[];
  /** Tokens that the own rounds may grow to: question and reply. */
  ownTokens: number;
  /** Positions that the model was trained on. */
  contextTokens: number;
  /** Rounds of the history that the upper layers attend to, besides the system prompt's. Default: all. */
  selected?: ReadonlySet<number> | undefined;
  /** Rounds of the history that the lower layers attend to. Default: all. */
  candidates?: ReadonlySet<number> | undefined;
  /** Rounds of the history that all layers attend to, in place of these two: both halves then see the same. */
  attended?: ReadonlySet<number> | undefined;
}

/** @throws RangeError if the own rounds alone are longer than the context */
export function frameOf({
  history,
  own,
  ownTokens,
  contextTokens,
  attended,
  selected = attended,
  candidates,
}: FrameRequest): Frame {
  const isSeen = (ids: ReadonlySet<number> | undefined) => (round: Round) =>
    round === history[0] || ids === undefined || ids.has(round.id);
  const isSelected = isSeen(selected);
  const isCandidate = isSeen(candidates);
  const chosen = history.flatMap((round, i) => (isSelected(round) ? [i] : []));
  const { ownBase, lowerBases, upperBases } = layOutBases({
    lengths: history.map(({ tokens }) => tokens.length),
    ownTokens,
    selected: chosen,
    contextTokens,
  });
  const ownPlaced = placeRounds(own, ownBase);
  const upper = chosen.map((at, i) => ({
    round: history[at]!,
    base: upperBases[i]!,
    place: lowerBases[at]!,
  }));
  const lower = attended
    ? upper
    : history
        .map((round, i) => ({ round, base: lowerBases[i]! }))
        .filter(({ round }) => isCandidate(round));
  return { lower: [...lower, ...ownPlaced], upper: [...upper, ...ownPlaced] };
}

/**
 * What a round's layers attended to, for a frame that computes its KV again.
 *
 * @param attended ids; null: all rounds before it
 * @param byHeads whether retrieval heads choose for all layers, rather than mass for the upper ones
 */
export function seenBy(
  attended: readonly number[] | null,
  byHeads: boolean,
): Pick<FrameRequest, "attended" | "selected"> {
  if (attended === null) return {};
  const ids = new Set(attended);
  return byHeads ? { attended: ids } : { selected: ids };
}

/**
 * The passes in which rounds of a chat are recomputed: a single one if the chat is within the trained range, for
 * positions are fixed then; else one per round, each behind the rounds before it. A pass is laid out when its turn
 * comes: all of them together would name each pair of rounds.
 */
export function* framesFor(
  missing: readonly Round[],
  request: Omit<FrameRequest, "own" | "ownTokens">,
): Generator<{ frame: Frame; own: PlacedRound[] }, void> {
  const { history, contextTokens } = request;
  const tokens = history.reduce((sum, round) => sum + round.tokens.length, 0);
  if (tokens <= contextTokens) {
    const wanted = new Set(missing);
    const frame = frameOf({ ...request, own: [], ownTokens: 0 });
    const own = frame.lower.filter(({ round }) => wanted.has(round));
    yield { frame, own };
    return;
  }
  const systemTokens = history[0]!.tokens.length;
  const places = new Map(history.map((round, at) => [round, at]));
  for (const round of missing) {
    const ownTokens = round.tokens.length;
    // Two rounds that don't fit into the context together don't see each other.
    const room = contextTokens - systemTokens - ownTokens;
    const frame = frameOf({
      ...request,
      history: history
        .slice(0, places.get(round))
        .filter((one, i) => i === 0 || one.tokens.length <= room),
      own: [round],
      ownTokens,
    });
    yield { frame, own: frame.lower.slice(-1) };
  }
}
