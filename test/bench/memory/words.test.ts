import { expect, test } from "vitest";
import { fused, orderOf, rankOf } from "./words";
import { wordScores } from "../../../src/engine/rounds/word-scores";

test("words find the text that shares rare ones with the question, and no text that shares none", () => {
  const texts = [
    "I like my tea hot.",
    "The code of the garage is 4711.",
    "The weather is fine.",
  ];
  const scores = wordScores(texts, "What is the code of the garage?");
  expect(orderOf(scores)[0]).toBe(1);
  expect(scores[0]).toBe(0);
  expect(rankOf(scores, 1)).toBe(1);
});

test("a tie counts against a place, and its order has the later one first", () => {
  expect(rankOf([0, 2, 2, 1], 1)).toBe(2);
  expect(rankOf([0, 0, 0], 0)).toBe(3);
  expect(orderOf([0, 2, 2, 1])).toEqual([2, 1, 3]);
});

test("two orders are joined by reciprocal ranks", () => {
  const scores = fused(4, [
    [2, 0, 1],
    [0, 2],
  ]);
  expect(scores[0]).toBeCloseTo(1 / 62 + 1 / 61);
  expect(scores[2]).toBeCloseTo(1 / 61 + 1 / 62);
  expect(scores[1]).toBeCloseTo(1 / 63);
  expect(scores[3]).toBe(0);
});
