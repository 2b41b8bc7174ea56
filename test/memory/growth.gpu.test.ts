// Pools grow while rounds are being stored: what is packed meanwhile is what the pages hold.
import { afterAll, expect, test } from "vitest";
import { destroyNetwork } from "../../src/engine/load/network";
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
