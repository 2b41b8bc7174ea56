/** Pages of a round as int8 codes with a scale per token and head, and back. */

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
  /** max|x| / 127: [page, kvHeads, 16]. */
  scales: Float64Array;
}

/** Every row of the pages over its own largest value. */
export function kvPack(input: KvPackInput): KvPackOutput {
  const { pool, kvHeads, headDim, pages, tokens } = input;
  const rowsOfPage = kvHeads * PAGE;
  const scales = new Float64Array(pages.length * rowsOfPage);
  const quotients = new Float64Array(scales.length * headDim);
  pages.forEach((page, index) => {
    for (let head = 0; head < kvHeads; head++) {
      for (let token = 0; token < PAGE; token++) {
        if (index * PAGE + token >= tokens) continue;
        const row = (index * kvHeads + head) * PAGE + token;
        const start = ((page * kvHeads + head) * PAGE + token) * headDim;
        let largest = 0;
        for (let d = 0; d < headDim; d++)
          largest = Math.max(largest, Math.abs(pool[start + d]!));
        if (largest === 0) continue;
        scales[row] = largest / 127;
        for (let d = 0; d < headDim; d++)
          quotients[row * headDim + d] = (pool[start + d]! * 127) / largest;
      }
    }
  });
  return { quotients, scales };
}

/** The integer next to x, ties to even. */
export function nearestEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}
