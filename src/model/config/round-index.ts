/** How a model's retrieval heads find the rounds that a question asks for. */

/** Share of the memory budget that keys of retrieval heads may take. */
export const INDEX_SHARE = 1 / 8;

/** A query head of a layer. */
export interface IndexHead {
  layer: number;
  head: number;
}

/** What counts of a unit: all of its tokens together, or the one that is seen best. */
export type ScoreHow = "sum" | "greatest";

/** A model's retrieval heads, and how to read them. */
export interface RoundIndex {
  /** One to three. */
  heads: readonly IndexHead[];
  how: ScoreHow;
  /**
   * What a question that asks for nothing of the chat gets at most, by the number of rounds: pairs, rising. A round
   * below it is not asked for.
   */
  noise: readonly (readonly [rounds: number, value: number])[];
  /** A chat of at most so many tokens is read whole. */
  wholeTokens: number;
}
