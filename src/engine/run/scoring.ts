/** What the kernels read about units and rows that are scored: the structs of shaders/shared/scoring.wgsl. */
import { PAGE_TOKENS, pagesFor } from "../../memory/page-pool";

/** A run of tokens that are scored together, as if they stood `ahead` tokens before the question. */
export interface ScoredUnit {
  /** Where its keys are, in order. */
  pages: readonly number[];
  tokens: number;
  /**
   * From its first token to the first of the question's own round. Its length is even distance; 0 is for the
   * question's round itself.
   */
  ahead: number;
}

/** Places `from`..`to - 1` within the question's own round. */
export interface ScoredRows {
  from: number;
  to: number;
}

/** Of the rows of one step, those that are scored. */
export interface ScoredSlice {
  /** The first of them, as a row of the step. */
  firstRow: number;
  rows: number;
  /** The place of the first one. */
  firstPlace: number;
}

/**
 * A `ScoredPage` for each page of the units.
 *
 * @throws RangeError if a unit lacks pages
 */
export function scoredPages(units: readonly ScoredUnit[]): Uint32Array {
  const words: number[] = [];
  for (const { pages, tokens, ahead } of units) {
    if (pages.length < pagesFor(tokens))
      throw new RangeError(
        `a unit of ${tokens} tokens can't be scored by ${pages.length} pages`,
      );
    for (let index = 0; index < pagesFor(tokens); index++) {
      const first = index * PAGE_TOKENS;
      const valid = Math.min(PAGE_TOKENS, tokens - first);
      words.push(pages[index]!, ahead, first, valid);
    }
  }
  return Uint32Array.from(words);
}

/** A `ScoredUnit` for each unit. */
export function unitTable(
  units: readonly Pick<ScoredUnit, "tokens">[],
): Uint32Array {
  let first = 0;
  return Uint32Array.from(
    units.flatMap(({ tokens }) => {
      const count = pagesFor(tokens);
      first += count;
      return [first - count, count];
    }),
  );
}

/** A `Scoring`. */
export function scoringWords(
  { firstRow, rows, firstPlace }: ScoredSlice,
  scored: ScoredRows,
  { units, residentPages }: { units: number; residentPages: number },
): Uint32Array {
  return Uint32Array.of(
    firstRow,
    rows,
    firstPlace,
    residentPages,
    units,
    firstPlace - scored.from,
    scored.to - scored.from,
  );
}

/**
 * Which rows of a step are scored.
 *
 * @param first the place of the step's first row if all rows of the pass were the question's: negative where
 *   others come before
 * @param count rows of the step
 * @returns undefined if there are none
 */
export function scoredSlice(
  first: number,
  count: number,
  { from, to }: ScoredRows,
): ScoredSlice | undefined {
  const firstPlace = Math.max(first, from);
  const rows = Math.min(first + count, to) - firstPlace;
  if (rows <= 0) return undefined;
  return { firstRow: firstPlace - first, rows, firstPlace };
}
