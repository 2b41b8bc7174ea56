/** What one head finds in each unit for each row of a question. */
export interface UnitSoftmax {
  units: number;
  rows: number;
  /** [units][rows]: log of the sum of exp(score) over a unit's tokens that the row sees; -Infinity where it sees none. */
  sums: Float32Array;
  /** [units][rows]: the greatest of these scores; -Infinity where there is none. */
  greatest: Float32Array;
}

/** What shaders/even-scores-join.wgsl writes in place of -Infinity is below this. */
const LOWEST = -1e29;

/** @param pairs [units][rows] of log of the sum, greatest; as the GPU has them */
export function unitSoftmaxOf(
  pairs: Float32Array,
  { units, rows }: { units: number; rows: number },
): UnitSoftmax {
  const valueOf = (i: number) => (pairs[i]! < LOWEST ? -Infinity : pairs[i]!);
  const count = units * rows;
  return {
    units,
    rows,
    sums: Float32Array.from({ length: count }, (_, i) => valueOf(2 * i)),
    greatest: Float32Array.from({ length: count }, (_, i) =>
      valueOf(2 * i + 1),
    ),
  };
}
