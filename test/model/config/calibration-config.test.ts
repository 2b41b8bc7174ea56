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
