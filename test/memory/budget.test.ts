// How a budget of bytes becomes pages of two halves, and that pools which grow into it stay within it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { divideBudget } from "../../src/memory/budget";
import { KvCache, type KvShape } from "../../src/memory/kv-cache";
import { HALVES } from "../../src/util/kv-half";
import { fakeGpu, NARROW } from "../support/fake-gpu";

/** Two lower and six upper layers, matrices of 4096 bytes a page. */
const model = {
  pageBytes: { lower: 2 * 2 * 4096, upper: 6 * 2 * 4096 },
  layerCounts: { lower: 2, upper: 6 },
  bufferBytes: Infinity,
};

/** A lower page, a third of an upper one, and a lower matrix that is there twice: nine matrices. */
const STEP = (4 + 12 / 3 + 1) * 4096;

test.each([
  [3 * STEP, { lower: 3, upper: 1 }],
  [3 * STEP - 1, { lower: 2, upper: 0 }],
  [100 * STEP, { lower: 100, upper: 33 }],
  [0, { lower: 0, upper: 0 }],
])(
  "of %i bytes three lower pages have room for each upper one",
  (budgetBytes, pages) => {
    expect(divideBudget({ ...model, budgetBytes })).toEqual(pages);
  },
);

test("a wide upper matrix counts as what may be there twice", () => {
  // One lower layer of small pages; a third of an upper matrix is more than a lower one.
  const pages = divideBudget({
    budgetBytes: 1200,
    pageBytes: { lower: 2 * 10, upper: 2 * 90 },
    layerCounts: { lower: 1, upper: 1 },
    bufferBytes: Infinity,
  });
  expect(pages).toEqual({ lower: 10, upper: 3 }); // 10 · (20 + 60 + 30)
});

test.each([
  // A layer's keys in one buffer: ten pages of 4096 bytes.
  [10 * 4096, { lower: 10, upper: 10 }],
  [11 * 4096 - 1, { lower: 10, upper: 10 }],
  [50 * 4096, { lower: 50, upper: 33 }],
])(
  "no half has more pages than a buffer of %i bytes holds",
  (bufferBytes, pages) => {
    const request = { ...model, budgetBytes: 100 * STEP, bufferBytes };
    expect(divideBudget(request)).toEqual(pages);
  },
);

const whole = {
  budgetBytes: 60 * 4096,
  pageBytes: { lower: 4 * 2 * 4096, upper: 0 },
  layerCounts: { lower: 4, upper: 0 },
  bufferBytes: Infinity,
};

test("without upper layers the lower half has the whole budget, but for the matrix that grows", () => {
  expect(divideBudget(whole).lower).toBe(6); // 60 matrices, nine a page: eight, and one twice
});

test("without upper layers rounds may have as many upper pages, which take no room, as lower ones", () => {
  const { lower, upper } = divideBudget(whole);
  expect(upper).toBeGreaterThanOrEqual(lower);
});

const shapes = fc
  .record({
    lowerLayers: fc.integer({ min: 1, max: 12 }),
    upperLayers: fc.integer({ min: 0, max: 30 }),
    kvHeads: fc.integer({ min: 1, max: 8 }),
    headDim: fc.integer({ min: 1, max: 32 }).map((quads) => 4 * quads),
    format: fc.constantFrom("f16" as const, "f32" as const),
  })
  .map(({ lowerLayers, upperLayers, ...shape }): KvShape => ({
    ...shape,
    layerCount: lowerLayers + upperLayers,
    watershed: lowerLayers - 1,
  }));

const budgets = fc.integer({ min: 0, max: 2 ** 27 });
const buffers = fc.integer({ min: 2 ** 12, max: 2 ** 28 });

test("pages of both halves, one matrix of them twice, never exceed the budget, nor a matrix its buffer", () => {
  fc.assert(
    fc.property(shapes, budgets, buffers, (shape, budgetBytes, bufferBytes) => {
      const { limits, lower, upper } = new KvCache(
        fakeGpu({ bufferBytes }),
        shape,
        budgetBytes,
      );
      const matrixBytes = lower.pageBytes / (2 * lower.layerCount);
      const all =
        limits.lower * lower.pageBytes + limits.upper * upper.pageBytes;
      const twice = [
        limits.lower * matrixBytes,
        upper.layerCount === 0 ? 0 : limits.upper * matrixBytes,
      ];
      for (const bytes of twice) {
        expect(all + bytes).toBeLessThanOrEqual(budgetBytes);
        expect(bytes).toBeLessThanOrEqual(bufferBytes);
      }
    }),
  );
});

test("little of a budget is left unused", () => {
  fc.assert(
    fc.property(shapes, budgets, (shape, budgetBytes) => {
      const { limits, lower, upper } = new KvCache(
        fakeGpu(),
        shape,
        budgetBytes,
      );
      const matrixBytes = lower.pageBytes / (2 * lower.layerCount);
      // One page more of the lower half would not fit with a third of an upper one.
      const more = limits.lower + 1;
      const least = more * (lower.pageBytes + upper.pageBytes / 3);
      expect(least + more * matrixBytes).toBeGreaterThan(budgetBytes);
    }),
  );
});

test("the ledger never sees more than the budget, however the pools grow", async () => {
  const reserves = fc.array(
    fc.record({ lower: fc.nat(60), upper: fc.nat(20) }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 2 ** 17 }),
      reserves,
      async (budgetBytes, wanted) => {
        const gpu = fakeGpu();
        const cache = new KvCache(gpu, NARROW, budgetBytes);
        for (const pages of wanted) {
          const fits = HALVES.every(
            (half) => pages[half] <= cache.roomFor(half),
          );
          const reserved = cache.reserve(pages);
          if (!fits) await expect(reserved).rejects.toThrow("memory budget");
          else {
            await reserved;
            for (const half of HALVES) {
              const { pool } = cache[half];
              expect(pool.freePages).toBeGreaterThanOrEqual(pages[half]);
              for (let i = 0; i < pages[half]; i++) pool.take();
            }
          }
          expect(gpu.ledger.peakKvBytes).toBeLessThanOrEqual(budgetBytes);
        }
        cache.destroy();
        expect(gpu.ledger.totalBytes).toBe(0);
      },
    ),
  );
});

test("gives a share up, unless its pools are larger already", async () => {
  const cache = new KvCache(fakeGpu(), NARROW, 2 ** 20);
  const before = { ...cache.limits };
  expect(cache.giveUp(1 / 8)).toBe(true);
  const after = { ...cache.limits };
  for (const half of HALVES)
    expect(after[half]).toBe(Math.floor((7 / 8) * before[half]));
  expect(cache.budgetBytes).toBe((7 / 8) * 2 ** 20);
  await cache.reserve(after);
  expect(cache.giveUp(1 / 8)).toBe(false);
  expect(cache.limits).toEqual(after);
});
