import { PAGE_ENTRY_WORDS } from "../../src/memory/page-pool";
import { expect, test } from "vitest";
import { endOf, pageTable, placeRounds } from "../../src/memory/page-table";
import { newRound, pendingTokens, slotOf } from "../../src/memory/round";

function round(id: number, tokens: number, lower: number[], upper: number[]) {
  const one = newRound(id, Array<number>(tokens).fill(7));
  one.lower.pages.push(...lower);
  one.upper.pages.push(...upper);
  return one;
}

const system = round(0, 5, [9], [2]);
const first = round(1, 20, [4, 1], [0, 8]);

test("rounds follow one another", () => {
  const placed = placeRounds([system, first]);
  expect(placed.map(({ base }) => base)).toEqual([0, 5]);
  expect(endOf(placed)).toBe(25);
  expect(endOf([])).toBe(0);
});

test("a page table says page, base, place, first, valid count and round of each page", () => {
  const placed = placeRounds([system, first], 100);
  expect([...pageTable(placed, "lower")]).toEqual([
    ...[9, 100, 100, 0, 5, 0],
    ...[4, 105, 105, 0, 16, 1],
    ...[1, 105, 105, 16, 4, 1],
  ]);
  expect(
    [...pageTable(placed, "upper")].filter(
      (_, i) => i % PAGE_ENTRY_WORDS === 0,
    ),
  ).toEqual([2, 0, 8]);
});

test("a round may stand nearer than windows see it", () => {
  const placed = { round: system, base: 40, place: 7 };
  expect([...pageTable([placed], "lower")]).toEqual([9, 40, 7, 0, 5, 0]);
});

test("a round without tokens takes no entry", () => {
  expect(pageTable(placeRounds([newRound(0, [])]), "lower")).toHaveLength(0);
});

test("a token's slot is its page times sixteen and its place there", () => {
  expect(slotOf(first.lower.pages, 0)).toBe(64);
  expect(slotOf(first.lower.pages, 17)).toBe(17);
});

test("what has no KV yet is pending", () => {
  const one = newRound(3, [1, 2, 3]);
  one.lower.computedTokens = 1;
  expect(pendingTokens(one, "lower")).toBe(2);
  expect(pendingTokens(one, "upper")).toBe(3);
});
