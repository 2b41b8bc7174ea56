import { rmsNorm } from "./rms-norm";
import { rotate } from "./rope";

export interface RopeAppendInput {
  /** [rows, heads + 2 · kvHeads, headDim]: query heads, key heads, value heads. */
  qkv: ArrayLike<number>;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Each row's place within its round. */
  localPositions: ArrayLike<number>;
  /** headDim / 2 values, of `inverseFrequencies`. */
  frequencies: ArrayLike<number>;
  /** Weights of the norms of single heads, [headDim]; none without. */
  qNorm?: ArrayLike<number>;
  kNorm?: ArrayLike<number>;
  eps?: number;
}

export interface RopeAppendOutput {
  /** Normalised, not rotated: [rows, heads, headDim]. */
  q: Float64Array;
  /** Normalised and rotated to the row's place within its round: [rows, kvHeads, headDim]. */
  k: Float64Array;
  /** [rows, kvHeads, headDim]. */
  v: Float64Array;
}

/** Inputs to attention and the pages from each row of the joined projection. */
export function ropeAppend(input: RopeAppendInput): RopeAppendOutput {
  const { heads, kvHeads, headDim, localPositions, frequencies } = input;
  const { qNorm, kNorm, eps = 0 } = input;
  const qkv = Float64Array.from(input.qkv);
  const rows = localPositions.length;
  const stride = (heads + 2 * kvHeads) * headDim;
  const q = new Float64Array(rows * heads * headDim);
  const k = new Float64Array(rows * kvHeads * headDim);
  const v = new Float64Array(rows * kvHeads * headDim);

  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const at = row * stride + head * headDim;
      const query = qkv.subarray(at, at + headDim);
      const normed = qNorm ? rmsNorm(query, qNorm, eps) : query;
      q.set(normed, (row * heads + head) * headDim);
    }
    for (let head = 0; head < kvHeads; head++) {
      const at = row * stride + (heads + head) * headDim;
      const key = qkv.subarray(at, at + headDim);
      const normed = kNorm ? rmsNorm(key, kNorm, eps) : key;
      const rotated = rotate(normed, localPositions[row]!, frequencies);
      k.set(rotated, (row * kvHeads + head) * headDim);

      const valueAt = at + kvHeads * headDim;
      const value = qkv.subarray(valueAt, valueAt + headDim);
      v.set(value, (row * kvHeads + head) * headDim);
    }
  }
  return { q, k, v };
}
