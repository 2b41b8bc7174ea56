import { describe, expect, it } from "vitest";
import {
  scoredPages,
  scoredSlice,
  unitTable,
} from "../../../src/engine/run/scoring";

it("a unit that lacks pages is refused", () => {
  expect(() => scoredPages([{ pages: [1], tokens: 17, ahead: 17 }])).toThrow(
    "a unit of 17 tokens can't be scored by 1 pages",
  );
});

it("pages that a unit has for more tokens are not scored", () => {
  const unit = { pages: [3, 4, 5], tokens: 16, ahead: 16 };
  expect([...scoredPages([unit])]).toEqual([3, 16, 0, 16]);
  expect([...unitTable([unit, unit])]).toEqual([0, 1, 1, 1]);
});

describe("the rows of a step that are scored", () => {
  const rows = { from: 10, to: 50 };

  it.each([
    {
      step: "with all of them, behind rows of other rounds",
      first: -30,
      count: 100,
      slice: { firstRow: 40, rows: 40, firstPlace: 10 },
    },
    {
      step: "that begins among them",
      first: 20,
      count: 64,
      slice: { firstRow: 0, rows: 30, firstPlace: 20 },
    },
    {
      step: "that ends among them",
      first: 5,
      count: 6,
      slice: { firstRow: 5, rows: 1, firstPlace: 10 },
    },
  ])("$step", ({ first, count, slice }) => {
    expect(scoredSlice(first, count, rows)).toEqual(slice);
  });

  it("are none before the first and behind the last", () => {
    expect(scoredSlice(0, 10, rows)).toBeUndefined();
    expect(scoredSlice(50, 10, rows)).toBeUndefined();
  });
});
