import fc from "fast-check";
import { expect, test } from "vitest";
import { runsOf } from "../../src/memory/page-runs";

test("pages side by side in ascending order are one run", () => {
  expect(runsOf([4, 5, 6, 2, 1, 9, 10])).toEqual([
    { page: 4, index: 0, count: 3 },
    { page: 2, index: 3, count: 1 },
    { page: 1, index: 4, count: 1 },
    { page: 9, index: 5, count: 2 },
  ]);
  expect(runsOf([])).toEqual([]);
});

test("runs say every page in order, and none could be joined to the next", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12)), (pages) => {
      const runs = runsOf(pages);
      const said = runs.flatMap(({ page, count }) =>
        Array.from({ length: count }, (_, i) => page + i),
      );
      expect(said).toEqual(pages);
      runs.slice(1).forEach(({ page, index }, i) => {
        const before = runs[i]!;
        expect(index).toBe(before.index + before.count);
        expect(page).not.toBe(before.page + before.count);
      });
    }),
  );
});
