/** Pages of a round as int8 codes with a scale per group of a head's values, and back. */

/** Tokens of a page. */
const PAGE = 16;

export interface KvPackInput {
  /** [page of the pool, kvHeads, 16, headDim]. */
  pool: ArrayLike<number>;
  kvHeads: number;
  headDim: number;
  /** The round's pages, in its order. */
  pages: readonly number[];
  /** Tokens of the round; later places count as 0. */
  tokens: number;
}

export interface KvPackOutput {
  /** x · 127 / max|x|, not rounded: [page, kvHeads, 16, headDim]. */
  quotients: Float64Array;
  /** max|x| / 127, not rounded: [page, kvHeads, 16, headDim / group]. */
  scales: Float64Array;
}

/** Every group of the pages over its own largest value. */
export function kvPack(input: KvPackInput): KvPackOutput {
  const { pool, kvHeads, headDim, pages, tokens } = input;
  const group = groupOf(headDim);
  const quotients = new Float64Array(pages.length * kvHeads * PAGE * headDim);
  const scales = new Float64Array(quotients.length / group);
  pages.forEach((page, index) => {
    for (let head = 0; head < kvHeads; head++) {
      for (let token = 0; token < PAGE; token++) {
        if (index * PAGE + token >= tokens) continue;
        for (let first = 0; first < headDim; first += group) {
          const row = (index * kvHeads + head) * PAGE + token;
          const from =
            ((page * kvHeads + head) * PAGE + token) * headDim + first;
          const to = row * headDim + first;
          let largest = 0;
          for (let i = 0; i < group; i++)
            largest = Math.max(largest, Math.abs(pool[from + i]!));
          if (largest === 0) continue;
          scales[to / group] = largest / 127;
          for (let i = 0; i < group; i++)
            quotients[to + i] = (pool[from + i]! * 127) / largest;
        }
      }
    }
  });
  return { quotients, scales };
}

/** Values that share a scale: a power of two that divides the head, at most 32. */
export function groupOf(headDim: number): number {
  let group = 1;
  while (group < 32 && headDim % (2 * group) === 0) group *= 2;
  return group;
}

/** The integer next to x, ties to even. */
export function nearestEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}
