import { rotate } from "./rope";

/** Tokens in a page. */
export const PAGE_TOKENS = 16;

/** One row of a page table: `valid` tokens of one round, at positions base + first, base + first + 1, ... */
export interface PageEntry {
  /** Which page of the pool. */
  page: number;
  /** Position of the round's first token. */
  base: number;
  /** The same for windows. Default: base. */
  place?: number;
  /** Place of the page's first token within its round. */
  first: number;
  /** How many of the page's tokens count. */
  valid: number;
  /** 0 is the system prompt's. */
  round: number;
}

export interface AttentionInput {
  /** Not rotated: [rows, heads, headDim]. */
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
  /** [page, kvHeads, PAGE_TOKENS, headDim]. */
  values: ArrayLike<number>;
  /** The most positions that a row sees, its own included; all by default. */
  window?: number;
}

export interface AttentionOutput {
  /** [rows, heads, headDim]; zeros for a row that sees no key. */
  output: Float64Array;
  /** Softmax probability that falls on each round: [rows, heads, rounds]. */
  mass: Float64Array;
  /** One more than the largest round of the page table. */
  rounds: number;
}

/** Attention of rows over the keys of a page table, at or before each row's position. */
export function attention(input: AttentionInput): AttentionOutput {
  const { queries, positions, heads, kvHeads, headDim, frequencies } = input;
  const { pages, keys, values, window = Infinity } = input;
  const rows = positions.length;
  const rounds = 1 + Math.max(-1, ...pages.map(({ round }) => round));
  const output = new Float64Array(rows * heads * headDim);
  const mass = new Float64Array(rows * heads * rounds);

  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const query = new Float64Array(headDim);
      for (let i = 0; i < headDim; i++) {
        query[i] = queries[(row * heads + head) * headDim + i]!;
      }

      const seen: { at: number; round: number; score: number }[] = [];
      for (const { page, base, place = base, first, valid, round } of pages) {
        const rotated = rotate(query, positions[row]! - base, frequencies);
        for (let t = 0; t < valid; t++) {
          if (base + first + t > positions[row]!) continue;
          if (positions[row]! - (place + first + t) >= window) continue;
          const at = ((page * kvHeads + kvHead) * PAGE_TOKENS + t) * headDim;
          let dot = 0;
          for (let i = 0; i < headDim; i++) dot += rotated[i]! * keys[at + i]!;
          seen.push({ at, round, score: dot / Math.sqrt(headDim) });
        }
      }

      let largest = -Infinity;
      for (const { score } of seen) largest = Math.max(largest, score);
      let sum = 0;
      for (const { score } of seen) sum += Math.exp(score - largest);
      for (const { at, round, score } of seen) {
        const probability = Math.exp(score - largest) / sum;
        mass[(row * heads + head) * rounds + round]! += probability;
        for (let i = 0; i < headDim; i++) {
          output[(row * heads + head) * headDim + i]! +=
            probability * values[at + i]!;
        }
      }
    }
  }
  return { output, mass, rounds };
}
