/** Joins rankings of rounds into one: reciprocal rank fusion (Cormack et al., SIGIR 2009). */

/** Flattens the rankings, so that no first place decides alone. */
const RANK_OFFSET = 60;

/** Places by falling score, the later one first on ties, without those that have none. */
export function orderOf(scores: readonly number[]): number[] {
  return [...scores.keys()]
    .filter((place) => scores[place]! > 0)
    .sort((a, b) => scores[b]! - scores[a]! || b - a);
}

/** A score for each of `count` places: each order gives it 1 / (60 + rank), ranks from 1. */
export function fused(
  count: number,
  orders: readonly (readonly number[])[],
): number[] {
  const scores = new Array<number>(count).fill(0);
  for (const order of orders)
    order.forEach((place, rank) => {
      scores[place]! += 1 / (RANK_OFFSET + rank + 1);
    });
  return scores;
}
