/** How rounds are found by retrieval heads: which heads, and how their attention is counted. */

/** A query head of a layer. */
export interface IndexHead {
  layer: number;
  head: number;
}

/** A unit counts by the sum of its tokens' attention, or by its greatest token. */
export type ScoreHow = "sum" | "greatest";
