/**
 * Which rounds of a chat are elements: those near the reader. All others are rooms, boxes as high as they are. Pure
 * functions.
 *
 *     room [0, 4820) | rounds 4820 … 5020 | room [5021, 10000)
 */

/** Rounds on each side of the reader's: more than find-in-page and the next few screens want, and few for a browser. */
const NEAR_ROUNDS = 100;
/** Fewer than this between the reader and a room: it is time for others. */
const FEWEST_AHEAD = 40;
/** A chat of so many rounds is whole in the page. */
const WHOLE_ROUNDS = 1000;

/** Places of rounds: `from` is the first, `to` the one behind the last. */
export interface RoundRange {
  readonly from: number;
  readonly to: number;
}

/** A part of the transcript, in order. */
export interface RoundRun extends RoundRange {
  /** Whether its rounds are elements; otherwise it is a room. */
  readonly isShown: boolean;
}

/** The rounds to show around one, of so many. */
export function rangeAround(at: number, count: number): RoundRange {
  if (count <= WHOLE_ROUNDS) return { from: 0, to: count };
  const centre = Math.max(0, Math.min(count - 1, at));
  return {
    from: Math.max(0, centre - NEAR_ROUNDS),
    to: Math.min(count, centre + NEAR_ROUNDS + 1),
  };
}

/** Whether a reader at this round may go on for a while without a change. */
export function isAmple(
  { from, to }: RoundRange,
  at: number,
  count: number,
): boolean {
  return (
    (from === 0 || at - from >= FEWEST_AHEAD) &&
    (to === count || to - 1 - at >= FEWEST_AHEAD)
  );
}

/** The parts of a transcript, where these other rounds stay too. */
export function runsOf(
  { from, to }: RoundRange,
  count: number,
  others: readonly number[] = [],
): RoundRun[] {
  const shown = [
    ...others
      .filter((at) => at >= 0 && at < count && (at < from || at >= to))
      .map((at) => ({ from: at, to: at + 1 })),
    { from, to },
  ].sort((a, b) => a.from - b.from);
  const runs: RoundRun[] = [];
  let done = 0;
  for (const range of shown) {
    if (range.from > done)
      runs.push({ from: done, to: range.from, isShown: false });
    if (range.to > range.from) runs.push({ ...range, isShown: true });
    done = range.to;
  }
  if (done < count) runs.push({ from: done, to: count, isShown: false });
  return runs;
}
