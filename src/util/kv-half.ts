/**
 * A model's layers fall into a lower and an upper half, and so does the KV of each round: the lower half of
 * every round is read in every turn, the upper half only of the rounds that the question attends to.
 */
export type Half = "lower" | "upper";
export const HALVES: readonly Half[] = ["lower", "upper"];
