/** Estimates a question's attention on rounds from digests of their keys (key-digest.ts): on the CPU, when it is wanted. */
import { PARTS } from "./key-digest";
import { PAGE_TOKENS, pagesFor } from "./page-pool";

/** A round that may be attended to. */
export interface DigestedRound {
  tokens: number;
  /** Position of its first token. */
  base: number;
  digest: Float32Array;
}

/** How keys were rotated, and queries are to be. */
interface KeyRotation {
  /** Radians a position for each pair: dimensions i and i + pairs; dimensions behind the pairs are not turned. */
  frequencies: readonly number[];
  /** Factor for the dimensions that are turned. */
  factor: number;
}

export interface DigestQueries {
  /** [rows][heads][head_dim], not rotated. */
  queries: Float32Array;
  /** Position of each row. */
  positions: readonly number[];
  heads: number;
  kvHeads: number;
  headDim: number;
  rotation: KeyRotation;
  /** What q · k is multiplied by. */
  scale: number;
  /**
   * Where the estimate lies between a page's lower bound, the score of its mean key (0), and its upper bound, the
   * score of the corner of its box that suits the query best (1). Default 0.5.
   */
  boundShare?: number;
}

/**
 * The estimated share of the question's attention on each round, averaged over its rows and heads; all rounds sum
 * to 1.
 */
export function estimateMass(
  rounds: readonly DigestedRound[],
  question: DigestQueries,
): number[] {
  const { positions, heads, kvHeads, headDim } = question;
  const { frequencies } = question.rotation;
  const group = heads / kvHeads;
  const queryCount = positions.length * heads;
  const placed = placeQueries(question);
  const turn = newTurn(frequencies);
  const rotated = new Float64Array(headDim);
  const mostPages = rounds.reduce((n, r) => Math.max(n, pagesFor(r.tokens)), 0);
  const weights = new Float64Array(mostPages * 2 * headDim);

  // Rounds outside, queries inside: the weights of a round's pages stay in the CPU's nearest cache.
  const logits = new Float64Array(rounds.length * queryCount);
  for (const [i, round] of rounds.entries()) {
    setTurn(turn, -round.base, frequencies);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      weighPages(round, kvHead, question, weights);
      for (let row = 0; row < positions.length; row++) {
        for (let g = 0; g < group; g++) {
          const query = row * heads + kvHead * group + g;
          rotated.set(placed.subarray(query * headDim, (query + 1) * headDim));
          rotate(rotated, 0, turn);
          const logit = roundLogit(rotated, weights, round.tokens);
          logits[i * queryCount + query] = logit;
        }
      }
    }
  }
  return meanShares(logits, rounds.length, queryCount);
}

/** The queries, scaled and rotated to their positions. */
function placeQueries({
  queries,
  positions,
  heads,
  headDim,
  rotation: { frequencies, factor },
  scale,
}: DigestQueries): Float64Array {
  const placed = Float64Array.from(queries, (q) => q * scale);
  const turn = newTurn(frequencies);
  for (const [row, position] of positions.entries()) {
    setTurn(turn, position, frequencies, factor);
    for (let head = 0; head < heads; head++)
      rotate(placed, (row * heads + head) * headDim, turn);
  }
  return placed;
}

/**
 * A page's score is linear in q and |q|: with its box as centre and half width, Quest's bound Σ max(q · min, q ·
 * max) is q · centre + |q| · width. Writes these factors of q and |q| to `weights`, [page][2][head_dim].
 */
function weighPages(
  { digest, tokens }: DigestedRound,
  kvHead: number,
  { kvHeads, headDim, boundShare = 0.5 }: DigestQueries,
  weights: Float64Array,
): void {
  const pages = pagesFor(tokens);
  for (let page = 0; page < pages; page++) {
    const from = (page * kvHeads + kvHead) * PARTS * headDim;
    const to = page * 2 * headDim;
    for (let d = 0; d < headDim; d++) {
      const least = digest[from + d]!;
      const greatest = digest[from + headDim + d]!;
      const mean = digest[from + 2 * headDim + d]!;
      const centre = (least + greatest) / 2;
      weights[to + d] = boundShare * centre + (1 - boundShare) * mean;
      weights[to + headDim + d] = (boundShare * (greatest - least)) / 2;
    }
  }
}

/** log Σ over the round's pages of tokens · exp(score): its unnormalised share of a softmax. */
function roundLogit(
  query: Float64Array,
  weights: Float64Array,
  tokens: number,
): number {
  let highest = -Infinity;
  let sum = 0;
  for (let page = 0; page * PAGE_TOKENS < tokens; page++) {
    const valid = Math.min(PAGE_TOKENS, tokens - page * PAGE_TOKENS);
    const score = pageScore(query, weights, page);
    if (score > highest) {
      sum = sum * Math.exp(highest - score) + valid;
      highest = score;
    } else sum += valid * Math.exp(score - highest);
  }
  return highest + Math.log(sum);
}

/**
 * Most of the time goes here. Four sums, two dimensions at a time (head_dim is even), so that no addition waits
 * for the one before. They are separate variables because V8 takes twice as long with a destructured array.
 */
function pageScore(
  query: Float64Array,
  weights: Float64Array,
  page: number,
): number {
  const headDim = query.length;
  const at = page * 2 * headDim;
  const widthAt = at + headDim;
  let even = 0;
  let odd = 0;
  let evenWidth = 0;
  let oddWidth = 0;
  for (let d = 0; d < headDim; d += 2) {
    const a = query[d]!;
    const b = query[d + 1]!;
    even += a * weights[at + d]!;
    odd += b * weights[at + d + 1]!;
    evenWidth += Math.abs(a) * weights[widthAt + d]!;
    oddWidth += Math.abs(b) * weights[widthAt + d + 1]!;
  }
  return even + odd + evenWidth + oddWidth;
}

/** Softmax over the rounds for each query, then the mean over the queries. Overwrites `logits`, [round][query]. */
function meanShares(
  logits: Float64Array,
  roundCount: number,
  queryCount: number,
): number[] {
  const highest = new Float64Array(queryCount).fill(-Infinity);
  const sums = new Float64Array(queryCount);
  const mass = new Array<number>(roundCount).fill(0);
  for (let at = 0; at < logits.length; at++) {
    const query = at % queryCount;
    highest[query] = Math.max(highest[query]!, logits[at]!);
  }
  for (let at = 0; at < logits.length; at++) {
    const query = at % queryCount;
    logits[at] = Math.exp(logits[at]! - highest[query]!);
    sums[query]! += logits[at]!;
  }
  for (let at = 0; at < logits.length; at++) {
    const share = logits[at]! / sums[at % queryCount]!;
    mass[Math.floor(at / queryCount)]! += share / queryCount;
  }
  return mass;
}

/** cos and sin of each pair, for one distance. */
interface Turn {
  cos: Float64Array;
  sin: Float64Array;
}

function newTurn({ length }: readonly number[]): Turn {
  return { cos: new Float64Array(length), sin: new Float64Array(length) };
}

function setTurn(
  { cos, sin }: Turn,
  distance: number,
  frequencies: readonly number[],
  factor = 1,
): void {
  for (let i = 0; i < cos.length; i++) {
    const angle = distance * frequencies[i]!;
    cos[i] = factor * Math.cos(angle);
    sin[i] = factor * Math.sin(angle);
  }
}

/** Rotates one head's values, from index `at` on. */
function rotate(values: Float64Array, at: number, { cos, sin }: Turn): void {
  const pairs = cos.length;
  for (let i = at; i < at + pairs; i++) {
    const low = values[i]!;
    const high = values[i + pairs]!;
    values[i] = low * cos[i - at]! - high * sin[i - at]!;
    values[i + pairs] = high * cos[i - at]! + low * sin[i - at]!;
  }
}
