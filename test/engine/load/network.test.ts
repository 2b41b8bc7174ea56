import { expect, test } from "vitest";
import { defaultWatershed } from "../../../src/engine/load/network";

/** Layers of these windows; 0: none. */
function configOf(windows: readonly number[]) {
  const layers = windows.map((window) => ({
    attention: { window: window === 0 ? null : window },
  }));
  return { layers, numHiddenLayers: layers.length } as unknown as Parameters<
    typeof defaultWatershed
  >[0];
}

test.each([
  ["a quarter of the layers", Array<number>(24).fill(0), 5],
  ["the first of a few", [0, 0, 0], 0],
  ["the only one", [0], 0],
  ["the next without a window", [8, 8, 8, 8, 8, 0, 8, 8, 8, 8, 8, 0], 5],
  ["a quarter where all have one", Array<number>(8).fill(8), 1],
  ["never the last", [8, 8, 8, 8, 8, 0], 4],
  ["the only one, with a window", [8], 0],
])("the watershed of a model is %s", (_, windows, expected) => {
  expect(defaultWatershed(configOf(windows))).toBe(expected);
});
