import { PAGE_TOKENS, type PageEntry } from "./attention";
import { rotate } from "./rope";

export interface RelevanceInput {
  /** The question's, not rotated: [rows, heads, headDim]. */
  queries: ArrayLike<number>;
  /** Position of each row. */
  positions: ArrayLike<number>;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** headDim / 2 values, of `inverseFrequencies`. */
  frequencies: ArrayLike<number>;
  pages: readonly PageEntry[];
  /** Rotated to their place within the round: [page, kvHeads, PAGE_TOKENS, headDim]. */
  keys: ArrayLike<number>;
}

/**
 * How much of the question's attention falls on each token, its heads concatenated into one and round
 * 0 out of sight; summed over rows: [pages, PAGE_TOKENS].
 */
export function relevance(input: RelevanceInput): Float64Array {
  const { queries, positions, heads, kvHeads, headDim, frequencies } = input;
  const { pages, keys } = input;
  const relevance = new Float64Array(pages.length * PAGE_TOKENS);

  for (let row = 0; row < positions.length; row++) {
    const seen: { at: number; score: number }[] = [];
    pages.forEach(({ page, base, first, valid, round }, entry) => {
      if (round === 0) return;
      for (let t = 0; t < valid; t++) {
        if (base + first + t > positions[row]!) continue;
        let dot = 0;
        for (let head = 0; head < heads; head++) {
          const query = Float64Array.from(
            { length: headDim },
            (_, i) => queries[(row * heads + head) * headDim + i]!,
          );
          const turned = rotate(query, positions[row]! - base, frequencies);
          const kvHead = Math.floor(head / (heads / kvHeads));
          const at = ((page * kvHeads + kvHead) * PAGE_TOKENS + t) * headDim;
          for (let i = 0; i < headDim; i++) dot += turned[i]! * keys[at + i]!;
        }
        const score = dot / Math.sqrt(heads * headDim);
        seen.push({ at: entry * PAGE_TOKENS + t, score });
      }
    });

    const largest = seen.reduce((max, { score }) => Math.max(max, score), -1e9);
    let sum = 0;
    for (const { score } of seen) sum += Math.exp(score - largest);
    for (const { at, score } of seen)
      relevance[at]! += Math.exp(score - largest) / sum;
  }
  return relevance;
}
