import { expect, test } from "vitest";
import { readRondoConfig } from "../../../src/model/config/calibration-config";

const model = { layers: 8, heads: 6 };
const json = {
  version: 1,
  watershed: 1,
  rows: "tail",
  heads: "all",
  tau: 0.9,
};

test("reads what calibration found out", () => {
  expect(readRondoConfig(json, model)).toEqual({
    watershed: 1,
    rows: "tail",
    heads: "all",
    tau: 0.9,
    contextTokens: undefined,
  });
});

test("reads heads, and a trained range that is less than the model's", () => {
  const more = { ...json, heads: [0, 5], context_tokens: 1536, curve: [1] };
  expect(readRondoConfig(more, model)).toMatchObject({
    heads: [0, 5],
    contextTokens: 1536,
  });
});

const index = {
  heads: [
    [4, 1],
    [7, 5],
  ],
  how: "sum",
  noise: [
    [12, 0.05],
    [24, 0.03],
  ],
  whole_tokens: 512,
};

test("reads the heads that find rounds", () => {
  expect(readRondoConfig({ ...json, index }, model)?.index).toEqual({
    heads: [
      { layer: 4, head: 1 },
      { layer: 7, head: 5 },
    ],
    how: "sum",
    noise: [
      [12, 0.05],
      [24, 0.03],
    ],
    wholeTokens: 512,
  });
});

test("without a bound no chat is read whole for being short", () => {
  const { whole_tokens: _, ...unbounded } = index;
  const read = readRondoConfig({ ...json, index: unbounded }, model);
  expect(read?.index?.wholeTokens).toBe(0);
});

test("a model need not have such heads", () => {
  expect(readRondoConfig(json, model)?.index).toBeUndefined();
});

const withIndex = (more: object) => ({ ...json, index: { ...index, ...more } });

test.each([
  [{ heads: [] }, /rondo\.json.*index\.heads/],
  [
    {
      heads: [
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
      ],
    },
    /rondo\.json.*index\.heads/,
  ],
  [{ heads: [[8, 0]] }, /rondo\.json.*index\.heads below the model's 8 layers/],
  [{ heads: [[0, 6]] }, /rondo\.json.*index\.heads.* and 6 heads/],
  [{ heads: [[0, -1]] }, /rondo\.json.*index\.heads/],
  [{ heads: [[0.5, 1]] }, /rondo\.json.*index\.heads/],
  [{ heads: [[0, 1, 2]] }, /rondo\.json.*index\.heads/],
  [
    {
      heads: [
        [3, 1],
        [3, 1],
      ],
    },
    /rondo\.json.*no head twice/,
  ],
  [{ how: "mean" }, /rondo\.json.*index\.how/],
  [{ noise: [[24]] }, /rondo\.json.*index\.noise/],
  [{ noise: [[0, 0.1]] }, /rondo\.json.*index\.noise/],
  [{ noise: [[24, -0.1]] }, /rondo\.json.*index\.noise/],
  [
    {
      noise: [
        [24, 0.1],
        [12, 0.1],
      ],
    },
    /rondo\.json.*rising units/,
  ],
  [{ whole_tokens: -1 }, /rondo\.json.*whole_tokens/],
])("an index of nonsense is refused by name: %j", (more, message) => {
  expect(() => readRondoConfig(withIndex(more), model)).toThrow(message);
});

test("a model without the file has none", () => {
  expect(readRondoConfig(undefined, model)).toBeUndefined();
});

test.each([
  [{ ...json, watershed: 8 }, /rondo\.json.*below the model's 8 layers/],
  [{ ...json, heads: [6] }, /rondo\.json.*below the model's 6/],
  [{ ...json, heads: [] }, /rondo\.json.*heads/],
  [{ ...json, tau: 0 }, /rondo\.json.*tau/],
  [{ ...json, rows: "some" }, /rondo\.json.*rows/],
  [{ ...json, version: 2 }, /rondo\.json.*version/],
  [[], /rondo\.json/],
])("nonsense is refused by name: %j", (nonsense, message) => {
  expect(() => readRondoConfig(nonsense, model)).toThrow(message);
});
