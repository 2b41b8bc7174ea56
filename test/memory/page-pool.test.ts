import fc from "fast-check";
import { expect, test } from "vitest";
import { PAGE_TOKENS, PagePool, pagesFor } from "../../src/memory/page-pool";

test("free and used pages are all pages, after every operation", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("grow" as const), pages: fc.nat(40) }),
    fc.record({ kind: fc.constant("take" as const) }),
    fc.record({ kind: fc.constant("give" as const), which: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const pool = new PagePool();
      const taken: number[] = [];
      for (const one of operations) {
        if (one.kind === "grow") pool.grow(pool.pageCount + one.pages);
        else if (one.kind === "take" && pool.freePages > 0) {
          taken.push(pool.take());
        } else if (one.kind === "give" && taken.length > 0) {
          pool.give(taken.splice(one.which % taken.length, 1)[0]!);
        }
        pool.check();
        expect(pool.freePages + taken.length).toBe(pool.pageCount);
        expect(new Set(taken).size).toBe(taken.length);
        for (const page of taken) expect(page).toBeLessThan(pool.pageCount);
      }
    }),
  );
});

test("takes the lowest pages first", () => {
  const pool = new PagePool();
  pool.grow(2);
  pool.grow(4);
  const pages = [pool.take(), pool.take(), pool.take(), pool.take()];
  expect(pages).toEqual([0, 1, 2, 3]);
});

test("an empty pool says so, and a page can't be given back twice", () => {
  const pool = new PagePool();
  expect(() => pool.take()).toThrow("all 0 pages are in use");
  pool.grow(1);
  const page = pool.take();
  pool.give(page);
  expect(() => pool.give(page)).toThrow("page 0 is not in use");
});

test.each([
  [0, 0],
  [1, 1],
  [PAGE_TOKENS, 1],
  [PAGE_TOKENS + 1, 2],
])("%i tokens take %i pages", (tokens, pages) => {
  expect(pagesFor(tokens)).toBe(pages);
});
