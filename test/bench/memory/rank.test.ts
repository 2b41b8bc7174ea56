import { expect, test } from "vitest";
import { rankOf } from "./rank";

test("a tie counts against a place", () => {
  expect(rankOf([0, 2, 2, 1], 1)).toBe(2);
  expect(rankOf([0, 0, 0], 0)).toBe(3);
});
