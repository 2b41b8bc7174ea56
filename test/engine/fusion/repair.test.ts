// Rows of stale rounds, and where they are among the rows of an earlier pass.
import { expect, test } from "vitest";
import {
  chosenRows,
  movedTo,
  repairMethod,
  subsetOf,
} from "../../../src/engine/fusion/repair";
import type { Span } from "../../../src/engine/run/runner";
import { placeRounds } from "../../../src/memory/page-table";
import { newRound } from "../../../src/memory/round";

const tokens = (count: number) => Array.from({ length: count }, (_, i) => i);
const rounds = [newRound(3, tokens(10)), newRound(5, tokens(6))];
const placed = placeRounds(rounds, 100);
const [three, five] = placed as [(typeof placed)[0], (typeof placed)[0]];

const shown = (spans: readonly Span[]) =>
  spans.map(({ placed: one, from, to }) => [one.round.id, from, to]);

const at = (round: number, ...places: number[]) =>
  places.map((place) => ({ round, place }));

test("neighbours are one span, in the order of the chat, whatever the order of choosing", () => {
  const chosen = [...at(5, 2), ...at(3, 9, 1, 2, 3), ...at(5, 1, 2)];
  const expected = [
    [3, 1, 4],
    [3, 9, 10],
    [5, 1, 3],
  ];
  expect(shown(chosenRows(placed, chosen))).toEqual(expected);
  expect(shown(chosenRows(placed, chosen.toReversed()))).toEqual(expected);
  expect(chosenRows(placed, [])).toEqual([]);
});

test("tokens of rounds that are not stale are left out", () => {
  expect(chosenRows(placed, at(4, 1, 2))).toEqual([]);
});

test("rows are found among those of an earlier pass", () => {
  const before = [
    { placed: three, from: 0, to: 10 },
    { placed: five, from: 0, to: 6 },
  ];
  const wanted = chosenRows(placed, [...at(3, 1, 2, 9), ...at(5, 0, 5)]);
  expect(subsetOf(before, wanted)).toEqual([1, 2, 9, 10, 15]);
  expect(subsetOf(wanted, wanted)).toEqual([0, 1, 2, 3, 4]);
  expect(() => subsetOf(wanted, before)).toThrow(/row 0 of round 3/);
});

test("rows move with their rounds, and those of others stay behind", () => {
  const upper = placeRounds([rounds[1]!], 7);
  const rows = chosenRows(placed, [...at(3, 1), ...at(5, 0, 1)]);
  const moved = movedTo(upper, rows);
  expect(shown(moved)).toEqual([[5, 0, 2]]);
  expect(moved[0]!.placed.base).toBe(7);
});

test.each([
  ["a3", 2, { checkLayer: 1, isFresh: true }],
  ["edges", 2, { checkLayer: 1, isFresh: true }],
  ["lite", 2, { checkLayer: 1, isFresh: false, rows: "question" }],
  ["rounds", 2, { checkLayer: 1, isFresh: false, rows: "mass" }],
  ["watershed", 2, { checkLayer: 2, isFresh: true }],
  // A check layer above the watershed would be in the upper half.
  ["a3", 0, { checkLayer: 0, isFresh: true }],
] as const)("%s with the watershed at %s", (variant, watershed, expected) => {
  expect(repairMethod(variant, watershed)).toMatchObject(expected);
});
