/** The retrieval heads of a model: those whose attention tells which rounds a question is about. */

/** A query head. */
export interface IndexHead {
  layer: number;
  head: number;
}
