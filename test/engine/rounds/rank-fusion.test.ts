import { expect, test } from "vitest";
import { fused, orderOf } from "../../../src/engine/rounds/rank-fusion";

test("an order has the later one first on a tie, and nothing without a score", () => {
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
