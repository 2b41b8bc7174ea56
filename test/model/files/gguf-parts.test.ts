import { expect, test } from "vitest";
import {
  firstGgufPart,
  ggufPart,
  ggufParts,
  ggufStem,
} from "../../../src/model/files/gguf-parts";

test("a part's name says which one it is, and what the others are called", () => {
  const path = "Q8_0/big-Q8_0-00002-of-00012.gguf";
  expect(ggufPart(path)).toEqual({
    stem: "Q8_0/big-Q8_0",
    number: 2,
    count: 12,
  });
  expect(ggufParts(path)).toHaveLength(12);
  expect(ggufParts(path).at(-1)).toBe("Q8_0/big-Q8_0-00012-of-00012.gguf");
  expect(firstGgufPart(path)).toBe("Q8_0/big-Q8_0-00001-of-00012.gguf");
  expect(ggufStem(path)).toBe("Q8_0/big-Q8_0");
});

test.each([
  "m.gguf",
  "m-1-of-2.gguf",
  "m-00003-of-00002.gguf",
  "m-00000-of-00002.gguf",
])("%s is a whole file", (path) => {
  expect(ggufPart(path)).toBeUndefined();
  expect(ggufParts(path)).toEqual([path]);
  expect(firstGgufPart(path)).toBe(path);
  expect(ggufStem(path)).toBe(path.slice(0, -5));
});
