// Settings: which are allowed, how they are written, and what of them the engine is told.
import { describe, expect, test } from "vitest";
import {
  allowedText,
  isSame,
  laidOver,
  numberOf,
  replyOptions,
} from "../../../../src/ui/state/settings/settings";

describe("A number that somebody writes", () => {
  test.each([
    ["temperature", "0.7", 0.7],
    ["temperature", " 0,7 ", 0.7],
    ["topK", "40", 40],
    ["maxTokens", "1", 1],
    ["memoryBudgetBytes", "512MB", 512e6],
    ["memoryBudgetBytes", "1.5 GB", 1.5e9],
    ["memoryBudgetBytes", "1gib", 2 ** 30],
    ["memoryBudgetBytes", "1000000", 1e6],
  ] as const)("%s: %j is %d", (name, text, value) => {
    expect(numberOf(name, text)).toBe(value);
  });

  test.each([
    ["temperature", ""],
    ["temperature", "hot"],
    ["temperature", "-1"],
    ["temperature", "Infinity"],
    ["topK", "2.5"],
    ["topP", "0"],
    ["topP", "1.5"],
    ["maxTokens", "0"],
    ["maxTokens", "1,024"],
    ["memoryBudgetBytes", "12 bananas"],
    ["memoryBudgetBytes", "999"],
  ] as const)("%s: %j is none", (name, text) => {
    expect(numberOf(name, text)).toBeUndefined();
  });

  test("is told what it may be", () => {
    expect(allowedText("topP")).toBe("a number from 0.001 to 1");
    expect(allowedText("maxTokens")).toBe("a whole number of 1 or more");
    expect(allowedText("attention")).toBe('"rounds" or "all"');
  });
});

test("What was chosen goes before what the page says", () => {
  const inForce = laidOver(
    { temperature: 0, tau: undefined },
    { temperature: 1, tau: 0.5 },
  );
  expect(inForce).toStrictEqual({ temperature: 0, tau: 0.5 });
  expect(isSame(inForce, { tau: 0.5, temperature: 0 })).toBe(true);
  expect(isSame(inForce, { tau: 0.5 })).toBe(false);
});

describe("The engine is told", () => {
  test("nothing where nothing was chosen", () => {
    expect(replyOptions({})).toStrictEqual({});
    expect(replyOptions({ memoryBudgetBytes: 1e9 })).toStrictEqual({});
  });

  test("each setting where it belongs", () => {
    const options = replyOptions({
      temperature: 0,
      topK: 40,
      seed: 7,
      maxTokens: 100,
      attention: "all",
      tau: 0.5,
      repair: 0,
    });
    expect(options).toStrictEqual({
      sampler: { temperature: 0, topK: 40, seed: 7 },
      attention: { mode: "all", tau: 0.5 },
      fusion: { ratio: 0 },
      maxTokens: 100,
    });
  });
});
