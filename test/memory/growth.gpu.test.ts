// Pools grow while rounds are being stored: what is packed meanwhile is what the pages hold.
import { afterAll, expect, test, vi } from "vitest";
import { destroyNetwork } from "../../src/engine/load/network";
import { Gpu } from "../../src/gpu/gpu";
import { packHalf } from "../../src/memory/segment-transfer";
import { randomModel } from "../fixtures/random-model";
import { testGpu } from "../support/gpu";
import {
  forward,
  pendingPlaces,
  roundsOf,
  testNetwork,
} from "../support/network";
import { placeRounds } from "../../src/memory/page-table";
import { OutOfMemoryError } from "../../src/util/errors";
import { seededInts } from "../support/random";
import { reservePages } from "../support/rounds";

const gpu = await testGpu();
const model = randomModel({ preset: "six-layers" });
const network = await testNetwork(gpu, model.config, model.tensors);
afterAll(() => destroyNetwork(gpu, network));

test("packing goes on while the pools grow", async () => {
  const { cache, config } = network;
  const tokens = [...seededInts(40, config.vocabSize, 1)];
  const placed = placeRounds(await roundsOf(network, [tokens]));
  await forward(network, placed, pendingPlaces(placed));
  const { upper } = placed[0]!.round;
  const pack = () => packHalf(gpu, cache.upper, upper.pages, "int8", 40);
  const before = await pack();
  let pages = 100;
  let isPacking = true;
  const growing = (async () => {
    while (isPacking) await reservePages(cache, (pages += 50));
  })();
  for (let i = 0; i < 12; i++) expect(await pack()).toEqual(before);
  isPacking = false;
  await growing;
  gpu.check();
});

test("pages hold what they held after a growth that fails midway", async () => {
  const { cache, config } = network;
  const tokens = [...seededInts(20, config.vocabSize, 2)];
  const placed = placeRounds(await roundsOf(network, [tokens]));
  await forward(network, placed, pendingPlaces(placed));
  const { lower } = placed[0]!.round;
  const pack = () => packHalf(gpu, cache.lower, lower.pages, "int8", 20);
  const before = await pack();
  const { pageCount } = cache.lower.pool;
  const bytes = gpu.ledger.totalBytes;
  let left = 2; // keys and values of one layer grow, their table does not
  const allocating = vi
    .spyOn(gpu, "allocating")
    .mockImplementation((what, allocate) =>
      /lower page/.test(what) && left-- === 0
        ? Promise.reject(new OutOfMemoryError("no room"))
        : Gpu.prototype.allocating.call(gpu, what, allocate as () => GPUBuffer),
    );
  // Exactly twice: there is nothing smaller to fall back on.
  const growing = cache.lower.main.growFor(2 * pageCount, 2 * pageCount);
  await expect(growing).rejects.toThrow("no room");
  expect(left).toBeLessThan(0);
  expect(cache.lower.pool.pageCount).toBe(pageCount);
  expect(gpu.ledger.totalBytes).toBe(bytes);
  allocating.mockRestore();
  expect(await pack()).toEqual(before);
  await cache.lower.main.growFor(2 * pageCount, 2 * pageCount);
  expect(await pack()).toEqual(before);
  gpu.check();
});
