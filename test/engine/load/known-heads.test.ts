import { describe, expect, test } from "vitest";
import { knownHeads } from "../../../src/engine/load/known-heads";
import { readRondoConfig } from "../../../src/model/config/calibration-config";
import { rondoJson } from "../../../src/model/config/rondo-json";

type Numbers = [number, number, number, number, number];

const SHAPES: Record<string, Numbers> = {
  "SmolLM2-135M": [30, 9, 3, 576, 64],
  "Qwen2.5-0.5B": [24, 14, 2, 896, 64],
  "Gemma 3 270M": [18, 4, 1, 640, 256],
};

function shapeOf([
  numHiddenLayers,
  numAttentionHeads,
  numKeyValueHeads,
  hiddenSize,
  headDim,
]: readonly [number, number, number, number, number]) {
  return {
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads,
    hiddenSize,
    headDim,
  };
}

describe.each(Object.entries(SHAPES))("%s", (name, numbers) => {
  const [layers, heads] = numbers;

  test("has heads that a rondo.json could name", () => {
    const index = knownHeads(shapeOf(numbers))!;
    const json = rondoJson({
      watershed: 0,
      rows: "tail",
      heads: "all",
      tau: 0.9,
      index,
    });
    expect(readRondoConfig(json, { layers, heads })!.index).toEqual(index);
  });

  test("is told from a model that differs in any of its numbers", () => {
    for (const i of numbers.keys()) {
      const other: Numbers = [...numbers];
      other[i]!++;
      expect(knownHeads(shapeOf(other))).toBe(undefined);
    }
  });

  if (name === "Gemma 3 270M")
    test("asks layers without a window alone", () => {
      const { heads } = knownHeads(shapeOf(numbers))!;
      expect(heads.map(({ layer }) => (layer + 1) % 6)).toEqual([0]);
    });
});
