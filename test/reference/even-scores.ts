import { PAGE_TOKENS } from "./attention";
import { rotate } from "./rope";

export interface EvenScoresInput {
  /** Of one head, not rotated: [rows, headDim]. */
  queries: ArrayLike<number>;
  /** Place of each row within the question's round. */
  places: ArrayLike<number>;
  headDim: number;
  /** Of `inverseFrequencies`. */
  frequencies: ArrayLike<number>;
  /** Rows are turned no farther. */
  lastPosition: number;
  units: readonly {
    /** Tokens from its first one to the first of the question's round. */
    ahead: number;
    pages: readonly { page: number; first: number; valid: number }[];
  }[];
  /** Rotated to their place within the unit: [page, kvHeads, PAGE_TOKENS, headDim]. */
  keys: ArrayLike<number>;
  kvHeads: number;
  kvHead: number;
}

/** [units, rows] each: log of the sum of exp(score) over what a row sees of a unit, and the greatest score. */
export function evenScores(input: EvenScoresInput) {
  const { queries, places, headDim, frequencies, lastPosition } = input;
  const { units, keys, kvHeads, kvHead } = input;
  const rows = places.length;
  const sums = new Float64Array(units.length * rows).fill(-Infinity);
  const greatest = new Float64Array(units.length * rows).fill(-Infinity);

  units.forEach(({ ahead, pages }, unit) => {
    for (let row = 0; row < rows; row++) {
      const position = ahead + places[row]!;
      const query = rotate(
        Float64Array.from(
          { length: headDim },
          (_, i) => queries[row * headDim + i]!,
        ),
        Math.min(position, lastPosition),
        frequencies,
      );
      const scores: number[] = [];
      for (const { page, first, valid } of pages)
        for (let t = 0; t < valid && first + t <= position; t++) {
          const at = ((page * kvHeads + kvHead) * PAGE_TOKENS + t) * headDim;
          let dot = 0;
          for (let i = 0; i < headDim; i++) dot += query[i]! * keys[at + i]!;
          scores.push(dot / Math.sqrt(headDim));
        }
      if (scores.length === 0) continue;
      const largest = scores.reduce((a, b) => Math.max(a, b));
      const sum = scores.reduce((a, one) => a + Math.exp(one - largest), 0);
      sums[unit * rows + row] = largest + Math.log(sum);
      greatest[unit * rows + row] = largest;
    }
  });
  return { sums, greatest };
}
