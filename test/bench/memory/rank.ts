/** The rank of a place, from 1; ties count against it. */
export function rankOf(scores: readonly number[], place: number): number {
  return scores.filter((score) => score >= scores[place]!).length;
}
