import { expect, test } from "vitest";
import { chooseCandidates } from "../../../src/engine/rounds/candidates";

const rounds = [
  { id: 1, mass: 0.1, pages: 2, isPinned: false },
  { id: 2, mass: 0.5, pages: 3, isPinned: false },
  { id: 3, mass: 0.1, pages: 1, isPinned: false },
  { id: 4, mass: 0.0, pages: 1, isPinned: false },
  { id: 5, mass: 0.3, pages: 1, isPinned: false },
];

test("the newest rounds come first, then the promising ones", () => {
  expect(chooseCandidates(rounds, 5)).toEqual([2, 4, 5]);
});

test("one that does not fit is left out, and a smaller one may come", () => {
  expect(chooseCandidates(rounds, 3)).toEqual([3, 4, 5]);
});

test("of two that promise the same the newer is taken", () => {
  const alike = rounds.map((round) => ({ ...round, mass: 0.2, pages: 1 }));
  expect(chooseCandidates(alike, 3)).toEqual([3, 4, 5]);
});

test("pinned rounds are taken whatever they promise", () => {
  const pinned = rounds.map((round) => ({
    ...round,
    isPinned: round.id === 1,
  }));
  expect(chooseCandidates(pinned, 4)).toEqual([1, 4, 5]);
});

test("with room for all, all are taken, in the order of the chat", () => {
  expect(chooseCandidates(rounds, 8)).toEqual([1, 2, 3, 4, 5]);
});
