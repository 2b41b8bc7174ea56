import { expect, test } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { GPU_TUNING } from "../../../src/model/network/tuning";
import { splitsFor } from "../../../src/model/network/workspace";
import { randomModel } from "../../fixtures/random-model";

const config = readConfig(randomModel().config);

test("one row has a split for every four pages, and never more than the join has lanes for", () => {
  expect(splitsFor(config, GPU_TUNING, 1, 1)).toBe(1);
  expect(splitsFor(config, GPU_TUNING, 1, 50)).toBe(13);
  expect(splitsFor(config, GPU_TUNING, 1, 100_000)).toBe(32);
});
