/**
 * How stale KV is repaired for a question: at which layer relevance is measured, whether with fresh or cached
 * keys, and which tokens are computed again (A³, arXiv 2511.17560; `edges` after EPIC, arXiv 2410.15332).
 */
import type { PlacedRound } from "../../memory/page-table";
import type { Round } from "../../memory/round";
import type { FusionVariant } from "../api/replies";
import { lazyPart } from "../../util/lazy-part";
import type { ChatToken, TopTokensInput } from "./top-tokens";
import type { Span } from "../run/runner";

export type ChooseTokens = (
  input: TopTokensInput & { stale: readonly PlacedRound[] },
) => readonly ChatToken[] | Promise<readonly ChatToken[]>;

const topTokens: ChooseTokens = lazyPart(
  async () => (await import("./top-tokens")).topTokens,
);
const topRounds: ChooseTokens = lazyPart(
  async () => (await import("./top-tokens")).topRounds,
);

export interface RepairMethod {
  /** Layer whose queries and keys give the relevance; at most the watershed. */
  checkLayer: number;
  /** Whether stale rounds go through the layers below it first, so that its keys are fresh. */
  isFresh: boolean;
  /** Rows of the question that give the relevance: all, or the last ones, which also select rounds. */
  rows: "question" | "mass";
  choose: ChooseTokens;
}

/** The first layer whose keys depend on more than their own token. */
export const CHECK_LAYER = 1;
/** Tokens at either end of a stale round that `edges` takes. */
const EDGE = 4;

/**
 * @param firstGlobal the first layer from CHECK_LAYER on that sees all tokens: one with a window says nothing of
 *   what is farther away
 */
export function repairMethod(
  variant: FusionVariant,
  watershed: number,
  firstGlobal = CHECK_LAYER,
): RepairMethod {
  return {
    checkLayer:
      variant === "watershed" ? watershed : Math.min(firstGlobal, watershed),
    isFresh: variant !== "lite" && variant !== "rounds",
    rows: variant === "rounds" ? "mass" : "question",
    choose: CHOICES[variant] ?? topTokens,
  };
}

const withEdges: ChooseTokens = async (input) => {
  const ends = input.stale.flatMap(({ round: { id, tokens } }) =>
    tokens.flatMap((_, place) =>
      place < EDGE || place >= tokens.length - EDGE
        ? [{ round: id, place }]
        : [],
    ),
  );
  return [...(await topTokens(input)), ...ends];
};

const CHOICES: Partial<Record<FusionVariant, ChooseTokens>> = {
  rounds: topRounds,
  edges: withEdges,
};

/** Rows of stale rounds, in chat order: those of `tokens`, which may be unordered and have duplicates. */
export function chosenRows(
  stale: readonly PlacedRound[],
  tokens: readonly ChatToken[],
): Span[] {
  const places = new Map<number, Set<number>>();
  for (const { round, place } of tokens) {
    const known = places.get(round) ?? new Set();
    places.set(round, known.add(place));
  }
  return stale.flatMap((placed) => {
    const chosen = [...(places.get(placed.round.id) ?? [])];
    return spansOf(
      placed,
      chosen.sort((a, b) => a - b),
    );
  });
}

/**
 * Indexes into a pass's rows of those that a later pass continues with.
 *
 * @param wanted rows of `before`, in the same order
 */
export function subsetOf(
  before: readonly Span[],
  wanted: readonly Span[],
): number[] {
  const starts = new Map<Round, { row: number; span: Span }[]>();
  let row = 0;
  for (const span of before) {
    const { round } = span.placed;
    starts.set(round, [...(starts.get(round) ?? []), { row, span }]);
    row += span.to - span.from;
  }
  return wanted.flatMap(({ placed, from, to }) =>
    Array.from({ length: to - from }, (_, i) => {
      const place = from + i;
      const found = starts
        .get(placed.round)
        ?.find(({ span }) => span.from <= place && place < span.to);
      if (!found)
        throw new RangeError(
          `row ${place} of round ${placed.round.id} was not kept`,
        );
      return found.row + place - found.span.from;
    }),
  );
}

/** Maps rows to their rounds' positions in another half; drops rows of rounds that are not in it. */
export function movedTo(
  placed: readonly PlacedRound[],
  rows: readonly Span[],
): Span[] {
  const there = new Map(placed.map((one) => [one.round, one]));
  return rows.flatMap(({ placed: { round }, from, to }) => {
    const one = there.get(round);
    return one ? [{ placed: one, from, to }] : [];
  });
}

/** Merges adjacent rows into spans. */
function spansOf(placed: PlacedRound, places: readonly number[]): Span[] {
  const spans: Span[] = [];
  for (const place of places) {
    const last = spans.at(-1);
    if (last?.to === place) last.to++;
    else spans.push({ placed, from: place, to: place + 1 });
  }
  return spans;
}
