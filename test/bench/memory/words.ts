/** Joins two orders of rounds into one. */

/** The constant of reciprocal rank fusion (Cormack et al., SIGIR 2009). */
const FUSION_K = 60;

/** Places by falling score, the later one first on ties, without those that have none. */
export function orderOf(scores: readonly number[]): number[] {
  return [...scores.keys()]
    .filter((place) => scores[place]! > 0)
    .sort((a, b) => scores[b]! - scores[a]! || b - a);
}

/** Reciprocal rank fusion: each order gives a place 1 / (60 + rank), ranks from 1. */
export function fused(
  count: number,
  orders: readonly (readonly number[])[],
): number[] {
  const scores = new Array<number>(count).fill(0);
  for (const order of orders)
    order.forEach((place, rank) => {
      scores[place]! += 1 / (FUSION_K + rank + 1);
    });
  return scores;
}

/** The rank of a place, from 1; ties count against it. */
export function rankOf(scores: readonly number[], place: number): number {
  return scores.filter((score) => score >= scores[place]!).length;
}
