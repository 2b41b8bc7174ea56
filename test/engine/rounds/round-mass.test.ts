// Attention mass by page becomes mass by round: shares of those that may be selected.
import fc from "fast-check";
import { expect, test } from "vitest";
import { massByRound } from "../../../src/engine/rounds/round-mass";
import { placeRounds } from "../../../src/memory/page-table";
import { newRound } from "../../../src/memory/round";

/** Rounds of these lengths, with ids 0, 1, 2, ... */
function roundsOf(lengths: readonly number[]) {
  return lengths.map((tokens, id) =>
    newRound(id, new Array<number>(tokens).fill(7)),
  );
}

/** System prompt, three rounds, and the turn's own: 1, 2, 1, 3 and 1 pages. */
const rounds = roundsOf([5, 17, 16, 48, 4]);
const table = placeRounds(rounds);
const chat = rounds.slice(1, -1);

test("a round has the mass of all its pages, as a share of what falls on rounds", () => {
  const pageMass = [0.5, 0.0625, 0.0625, 0.125, 0, 0.125, 0.125, 0.25];
  expect([...massByRound(table, pageMass, chat)]).toEqual([
    [1, 0.25],
    [2, 0.25],
    [3, 0.5],
  ]);
});

test("what falls on the system prompt and the turn's own round counts for nothing", () => {
  const pageMass = [0.75, 0, 0, 0.0625, 0, 0, 0, 0.1875];
  expect([...massByRound(table, pageMass, chat)]).toEqual([
    [1, 0],
    [2, 1],
    [3, 0],
  ]);
});

test("where nothing falls on rounds they all have none", () => {
  const pageMass = [1, 0, 0, 0, 0, 0, 0, 0];
  const masses = [...massByRound(table, pageMass, chat).values()];
  expect(masses).toEqual([0, 0, 0]);
});

test("an empty system prompt has no page", () => {
  const rounds = roundsOf([0, 1, 1]);
  const mass = massByRound(placeRounds(rounds), [0.5, 0.5], rounds.slice(1, 2));
  expect([...mass]).toEqual([[1, 1]]);
});

test("a round that the question did not read has none", () => {
  const read = [rounds[0]!, rounds[2]!, rounds[4]!];
  const mass = massByRound(placeRounds(read), [0.5, 0.25, 0.25], chat);
  expect([...mass]).toEqual([
    [1, 0],
    [2, 1],
    [3, 0],
  ]);
});

test("every round has its share, however long the rounds are", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 60 }), {
    minLength: 3,
    maxLength: 12,
  });
  const mass = fc.infiniteStream(fc.integer({ min: 1, max: 1000 }));
  fc.assert(
    fc.property(lengths, mass, (lengths, mass) => {
      const rounds = roundsOf(lengths);
      const between = rounds.slice(1, -1);
      const byRound = rounds.map(({ tokens }) => [
        ...mass.take(Math.ceil(tokens.length / 16)),
      ]);
      const found = massByRound(placeRounds(rounds), byRound.flat(), between);
      const sums = byRound.map((pages) => pages.reduce((a, b) => a + b, 0));
      const total = sums.slice(1, -1).reduce((a, b) => a + b, 0);
      expect([...found.keys()]).toEqual(between.map(({ id }) => id));
      for (const { id } of between)
        expect(found.get(id)).toBe(sums[id]! / total);
    }),
  );
});
