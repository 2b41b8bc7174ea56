import { expect, test } from "vitest";
import { keptTokens } from "../../../src/engine/turn/turn";

const END = 99;
const said = { tokens: [1, 2, 3], stopToken: undefined, fedTokens: 5 };

test("what ran ahead of a stopped reply does not stay", () => {
  expect(keptTokens(said, [END, 7])).toBe(3);
});

test("the token that ended the reply stays where it closes the round", () => {
  expect(keptTokens({ ...said, stopToken: END }, [END, 7])).toBe(4);
  expect(keptTokens({ ...said, stopToken: 98 }, [END, 7])).toBe(3);
});

test("a template that closes with nothing keeps nothing more", () => {
  expect(keptTokens(said, [])).toBe(3);
  expect(keptTokens({ ...said, stopToken: END }, [])).toBe(3);
});

test("what was not fed has no KV", () => {
  expect(keptTokens({ ...said, fedTokens: 2 }, [END])).toBe(2);
});
