// How pools grow where the GPU has less room than the budget allows; the GPU is a fake that only keeps books.
import fc from "fast-check";
import { expect, test } from "vitest";
import { KvCache, type KvShape } from "../../src/memory/kv-cache";
import { PAGE_ENTRY_WORDS } from "../../src/memory/page-pool";
import { OutOfMemoryError } from "../../src/util/errors";
import { HALVES } from "../../src/util/kv-half";
import { fakeGpu, type FakeGpuOptions } from "../support/fake-gpu";

/** Eight matrices of 128 bytes a page, all in the lower half. */
const WHOLE: KvShape = {
  layerCount: 4,
  watershed: 3,
  kvHeads: 1,
  headDim: 4,
  format: "f16",
};
const MATRIX_BYTES = 128;
const TABLE_BYTES = PAGE_ENTRY_WORDS * 4;
const PAGE_BYTES = 8 * MATRIX_BYTES + TABLE_BYTES;

/** A cache on a GPU with room for so many pages, one matrix of them twice. */
function cacheWithRoom(pages: number) {
  const options: FakeGpuOptions = {};
  const gpu = fakeGpu(options);
  const cache = new KvCache(gpu, WHOLE, 2 ** 30);
  const setRoom = (pages: number) =>
    (options.roomBytes = pages * (PAGE_BYTES + MATRIX_BYTES));
  setRoom(pages);
  const take = async (pages: number) => {
    await cache.reserve({ lower: pages, upper: 0 });
    for (let i = 0; i < pages; i++) cache.lower.pool.take();
  };
  return { gpu, cache, setRoom, take };
}

/** Every buffer holds the pool's pages; of a pool at rest none is larger. */
function expectSound(cache: KvCache, bytes: number) {
  for (const half of HALVES) {
    const { pool, layers, layerCount, pageBytes } = cache[half];
    pool.check();
    for (const { k, v } of pool.pageCount === 0 ? [] : layers) {
      const least = (pool.pageCount * pageBytes) / (2 * layerCount);
      expect(Math.min(k.size, v.size)).toBeGreaterThanOrEqual(least);
    }
  }
  expect(bytes).toBe(cache.lower.pool.pageCount * PAGE_BYTES);
}

test("a pool that cannot double grows by what is needed", async () => {
  const { gpu, cache, take } = cacheWithRoom(100);
  await take(64);
  await take(20);
  expect(cache.lower.pool.pageCount).toBe(84);
  expectSound(cache, gpu.ledger.totalBytes);
});

test("the first pages can be fewer than a pool begins with", async () => {
  const { gpu, cache, take } = cacheWithRoom(10);
  await take(3);
  expect(cache.lower.pool.pageCount).toBe(3);
  expectSound(cache, gpu.ledger.totalBytes);
});

test("a pool that could not double tries half of it, and doubles again once there is room", async () => {
  const { cache, setRoom, take } = cacheWithRoom(100);
  const counts: number[] = [];
  const next = async (pages: number) => {
    await take(pages);
    counts.push(cache.lower.pool.pageCount);
  };
  await next(64);
  await next(1); // 128 are too many
  await next(1); // 96: halfway to 128
  await next(31); // 112 are too many
  setRoom(1000);
  await next(30);
  await next(1);
  expect(counts).toEqual([64, 65, 96, 97, 127, 254]);
});

test("where there is no room for what is needed, the pool is as it was", async () => {
  const { gpu, cache, take } = cacheWithRoom(100);
  await take(64);
  const { generation } = cache;
  await expect(take(60)).rejects.toThrow(OutOfMemoryError);
  expect(cache.lower.pool.pageCount).toBe(64);
  expectSound(cache, gpu.ledger.totalBytes);
  // Some buffers may be other ones now.
  expect(cache.generation).toBeGreaterThan(generation);
  await take(10);
  expect(cache.lower.pool.pageCount).toBe(94); // halfway to 124
});

test("any reservation that fits the GPU succeeds, and any that does not leaves the pools sound", async () => {
  const reserves = fc.array(fc.nat(60), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.nat(300), reserves, async (room, wanted) => {
      const { gpu, cache, take } = cacheWithRoom(room);
      for (const pages of wanted) {
        const { pageCount } = cache.lower.pool;
        const needed = cache.lower.usedPages + pages;
        // What grows last is there twice: a matrix, or then the table.
        const twice = Math.max(pageCount * MATRIX_BYTES, needed * TABLE_BYTES);
        const grownBytes =
          needed * 8 * MATRIX_BYTES + pageCount * TABLE_BYTES + twice;
        const fits = grownBytes <= room * (PAGE_BYTES + MATRIX_BYTES);
        if (needed <= pageCount || fits) await take(pages);
        else await expect(take(pages)).rejects.toThrow(OutOfMemoryError);
        expectSound(cache, gpu.ledger.totalBytes);
      }
      cache.destroy();
      expect(gpu.ledger.totalBytes).toBe(0);
    }),
  );
});
