/**
 * Digests of the keys in a lower half, a few numbers a page: when lower halves alone outgrow the memory
 * budget, they tell which rounds a question would look at (as Quest, arXiv 2406.10774, and ArkVale do),
 * so that only these are brought to the GPU.
 *
 *     digest   [page][kv_head][min, max, mean][head_dim]
 */
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import { pageMatrixBytes, type SegmentHeader } from "./segment";

/** Numbers of a digest for each dimension of a key: its least, its greatest and its mean. */
const PARTS = 3;

type KeyShape = Pick<SegmentHeader, "kvHeads" | "headDim" | "tokens">;

/** The keys of one layer: number `i` of [page][kv_head][16][head_dim]. */
type KeyAt = (i: number) => number;

/** Digests the keys of a layer in a segment's payload. */
export function digestPayload(
  payload: Uint8Array,
  header: SegmentHeader,
  layer: number,
): Float32Array<ArrayBuffer> {
  const { kvHeads, headDim, tokens, elements } = header;
  const pages = pagesFor(tokens);
  const matrixBytes = pages * pageMatrixBytes(header, elements);
  const start = payload.byteOffset + 2 * layer * matrixBytes;
  const view = new DataView(payload.buffer, start, matrixBytes);
  const count = pages * kvHeads * PAGE_TOKENS * headDim;
  const keyAt: Record<typeof elements, KeyAt> = {
    f32: (i) => view.getFloat32(4 * i, true),
    f16: (i) => halfFloat(view.getUint16(2 * i, true)),
    int8: (i) =>
      view.getInt8(i) *
      view.getFloat32(count + 4 * Math.floor(i / headDim), true),
  };
  return digestKeys(keyAt[elements], header);
}

function digestKeys(
  keyAt: KeyAt,
  { kvHeads, headDim, tokens }: KeyShape,
): Float32Array<ArrayBuffer> {
  const pages = pagesFor(tokens);
  const digest = new Float32Array(pages * kvHeads * PARTS * headDim);
  for (let page = 0; page < pages; page++) {
    const valid = Math.min(PAGE_TOKENS, tokens - page * PAGE_TOKENS);
    for (let head = 0; head < kvHeads; head++) {
      const box = page * kvHeads + head;
      for (let d = 0; d < headDim; d++) {
        let [least, greatest, sum] = [Infinity, -Infinity, 0];
        for (let t = 0; t < valid; t++) {
          const key = keyAt((box * PAGE_TOKENS + t) * headDim + d);
          least = Math.min(least, key);
          greatest = Math.max(greatest, key);
          sum += key;
        }
        const at = box * PARTS * headDim + d;
        digest[at] = least;
        digest[at + headDim] = greatest;
        digest[at + 2 * headDim] = sum / valid;
      }
    }
  }
  return digest;
}

/** A round that may be looked at. */
export interface DigestedRound {
  tokens: number;
  /** Position of its first token. */
  base: number;
  digest: Float32Array;
}

export interface DigestQueries {
  /** [rows][heads][head_dim], before they are rotated. */
  queries: Float32Array;
  /** Position of each row. */
  positions: readonly number[];
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Radians a position for each pair of a head: dimensions i and i + head_dim / 2. */
  frequencies: readonly number[];
}

/**
 * Between what a page is worth at least (its mean key's score) and at most (that of the corner of its box
 * that suits the query best), where the estimate lies.
 */
const BOUND_SHARE = 0.5;

/**
 * The share of the question's attention on each round, as far as digests tell, averaged over its rows and
 * heads; over all rounds it sums to 1.
 */
export function estimateMass(
  rounds: readonly DigestedRound[],
  { queries, positions, heads, kvHeads, headDim, frequencies }: DigestQueries,
): number[] {
  const mass = rounds.map(() => 0);
  const logits = new Float64Array(rounds.length);
  const rotated = new Float64Array(headDim);
  const group = heads / kvHeads;
  const scale = 1 / Math.sqrt(headDim);
  for (const [row, position] of positions.entries()) {
    for (let head = 0; head < heads; head++) {
      const query = queries.subarray((row * heads + head) * headDim);
      const kvHead = Math.floor(head / group);
      rounds.forEach(({ base, tokens, digest }, i) => {
        rotate(query, position - base, frequencies, rotated);
        logits[i] = roundLogit(rotated, digest, tokens, kvHead, kvHeads, scale);
      });
      let highest = -Infinity;
      for (const logit of logits) highest = Math.max(highest, logit);
      let sum = 0;
      for (const logit of logits) sum += Math.exp(logit - highest);
      logits.forEach(
        (logit, i) =>
          (mass[i]! +=
            Math.exp(logit - highest) / sum / positions.length / heads),
      );
    }
  }
  return mass;
}

/** log Σ over the round's pages of tokens · exp(score): its unnormalised share of a softmax. */
function roundLogit(
  query: Float64Array,
  digest: Float32Array,
  tokens: number,
  kvHead: number,
  kvHeads: number,
  scale: number,
): number {
  const headDim = query.length;
  const pages = pagesFor(tokens);
  let highest = -Infinity;
  let sum = 0;
  for (let page = 0; page < pages; page++) {
    const at = (page * kvHeads + kvHead) * PARTS * headDim;
    let bound = 0;
    let mean = 0;
    for (let d = 0; d < headDim; d++) {
      const q = query[d]!;
      bound += Math.max(q * digest[at + d]!, q * digest[at + headDim + d]!);
      mean += q * digest[at + 2 * headDim + d]!;
    }
    const score = scale * (BOUND_SHARE * bound + (1 - BOUND_SHARE) * mean);
    const valid = Math.min(PAGE_TOKENS, tokens - page * PAGE_TOKENS);
    const logit = score + Math.log(valid);
    if (logit > highest) {
      sum = sum * Math.exp(highest - logit) + 1;
      highest = logit;
    } else sum += Math.exp(logit - highest);
  }
  return highest + Math.log(sum);
}

function rotate(
  query: Float32Array,
  distance: number,
  frequencies: readonly number[],
  out: Float64Array,
): void {
  const half = frequencies.length;
  frequencies.forEach((frequency, i) => {
    const [cos, sin] = [
      Math.cos(distance * frequency),
      Math.sin(distance * frequency),
    ];
    out[i] = query[i]! * cos - query[i + half]! * sin;
    out[i + half] = query[i + half]! * cos + query[i]! * sin;
  });
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
