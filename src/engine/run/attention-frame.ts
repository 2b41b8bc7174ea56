/** The attention frame of a pass: which rounds its rows attend to, by half, and at which positions. */
import { layOutBases } from "../../memory/base-layout";
import { type PlacedRound, placeRounds } from "../../memory/page-table";
import { type Round, SYSTEM_ROUND } from "../../memory/round";
import type { Half } from "../../util/kv-half";

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
  /**
   * The farthest that local layers see. Rounds beyond it are marked as far: those layers' pages are not read. Default:
   * none is far.
   */
  window?: number | undefined;
  /** Rounds of the history whose rows are computed, too. */
  computed?: ReadonlySet<Round> | undefined;
}

/** Rounds that a frame's local layers don't read in a half. */
export function farRounds(frame: Frame, half: Half): ReadonlySet<Round> {
  const far = frame[half].filter(({ isFar }) => isFar);
  return new Set(far.map(({ round }) => round));
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
  window,
  computed,
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
  // Where nothing follows, only the computed rounds read.
  const isLast = own.length === 0 && computed !== undefined;
  const end = isLast ? Infinity : ownBase;
  const marked = (placed: readonly PlacedRound[]) =>
    window === undefined ? placed : markFar(placed, { window, computed, end });
  const marksOnce = lower === upper;
  const lowerMarked = marked(lower);
  const upperMarked = marksOnce ? lowerMarked : marked(upper);
  return {
    lower: [...lowerMarked, ...ownPlaced],
    upper: [...upperMarked, ...ownPlaced],
  };
}

/**
 * Rounds that no local layer reads from the end of a chat on.
 *
 * @param rounds the whole chat, the system prompt's first
 */
export function farFromEnd<R extends Round>(
  rounds: readonly R[],
  window: number | undefined,
): ReadonlySet<R> {
  const far = new Set<R>();
  if (window === undefined) return far;
  let behind = 0;
  for (const round of rounds.slice(1).toReversed()) {
    if (behind + 1 >= window) far.add(round);
    behind += round.tokens.length;
  }
  return far;
}

/**
 * Marks the rounds that no row has within its window. Never the system prompt's round, behind which other passes of
 * a turn read a message without content.
 *
 * @param computed rounds whose rows are computed, besides those from position `end` on
 */
function markFar(
  placed: readonly PlacedRound[],
  {
    window,
    computed = new Set(),
    end,
  }: {
    window: number;
    computed: ReadonlySet<Round> | undefined;
    end: number;
  },
): PlacedRound[] {
  const readers = placed.filter(({ round }) => computed.has(round));
  const isRead = (one: PlacedRound) => {
    const { round, base, place = base } = one;
    // As in attention.wgsl: what the first row behind the round's last token sees.
    const reaches = place + round.tokens.length - 1 + window;
    return (
      reaches > end ||
      readers.some(
        (reader) =>
          reader === one ||
          (reaches > reader.base && base < endOfRound(reader)),
      )
    );
  };
  return placed.map((one) =>
    one.round.id === SYSTEM_ROUND || isRead(one)
      ? one
      : { ...one, isFar: true },
  );
}

function endOfRound({ base, round }: PlacedRound): number {
  return base + round.tokens.length;
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

/** A pass in which rounds are recomputed. */
export interface RecomputePass {
  frame: Frame;
  /** These rounds. */
  own: PlacedRound[];
}

/**
 * The passes in which rounds of a chat are recomputed: a single one if the chat is within the trained range, for
 * positions are fixed then; else one per round, each behind the rounds before it. A pass is laid out when its turn
 * comes: all of them together would name each pair of rounds.
 */
export function* framesFor(
  missing: readonly Round[],
  request: Omit<FrameRequest, "own" | "ownTokens">,
): Generator<RecomputePass, void> {
  const { history, contextTokens } = request;
  const tokens = history.reduce((sum, round) => sum + round.tokens.length, 0);
  if (tokens <= contextTokens) {
    const computed = new Set(missing);
    const frame = frameOf({ ...request, own: [], ownTokens: 0, computed });
    const own = frame.lower.filter(({ round }) => computed.has(round));
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
