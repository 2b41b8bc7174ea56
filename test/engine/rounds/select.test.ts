import fc from "fast-check";
import { expect, test } from "vitest";
import { type RoundMass, select } from "../../../src/engine/rounds/select";

/** Rounds 1, 2, ... of these masses, a hundred bytes each. */
function rounds(...masses: number[]): RoundMass[] {
  return masses.map((mass, i) => ({
    id: i + 1,
    mass,
    bytes: 100,
    isPinned: false,
  }));
}

const ids = (selection: ReturnType<typeof select>) =>
  selection.rounds.map(({ id }) => id);

test("takes the fewest rounds that hold tau of the mass, and the last one", () => {
  const chat = rounds(0.05, 0.6, 0.02, 0.31, 0.02);
  const selection = select(chat);
  expect(selection.rounds).toEqual([
    { id: 2, reason: "mass" },
    { id: 4, reason: "mass" },
    { id: 5, reason: "last" },
  ]);
  expect(selection.capturedMass).toBeCloseTo(0.93);
  expect(selection.isCut).toBe(false);
});

test("one round that holds enough is enough", () => {
  expect(ids(select(rounds(0.01, 0.95, 0.04)))).toEqual([2, 3]);
  expect(ids(select(rounds(0.01, 0.04, 0.95)))).toEqual([3]);
});

test("takes at least kMin by mass, also where less would do", () => {
  const chat = rounds(0.01, 0.95, 0.03, 0.01);
  expect(ids(select(chat, { kMin: 2 }))).toEqual([2, 3, 4]);
});

test("the newer goes first on ties", () => {
  const chat = rounds(0.25, 0.25, 0.25, 0.25);
  expect(ids(select(chat, { tau: 0.5 }))).toEqual([3, 4]);
});

test("pinned rounds are taken whatever their mass", () => {
  const [first, ...rest] = rounds(0, 0.95, 0.05);
  const chat = [{ ...first!, isPinned: true }, ...rest];
  expect(select(chat).rounds[0]).toEqual({ id: 1, reason: "pinned" });
});

test("the budget leaves out what no longer fits, and says so", () => {
  const chat = rounds(0.3, 0.5, 0.15, 0.05);
  const selection = select(chat, { tau: 0.95, budgetBytes: 250 });
  expect(selection.rounds).toEqual([
    { id: 2, reason: "mass" },
    { id: 4, reason: "last" },
  ]);
  expect(selection.isCut).toBe(true);
  expect(selection.capturedMass).toBeCloseTo(0.55);
});

test("a tau of 1 takes every round that has any mass", () => {
  expect(ids(select(rounds(0.5, 0.25, 0.25), { tau: 1 }))).toEqual([1, 2, 3]);
});

test("an empty chat selects nothing", () => {
  expect(select([])).toEqual({ rounds: [], capturedMass: 0, isCut: false });
});

test("whatever the masses: order kept, no round twice, tau reached or cut", () => {
  const chats = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(
      chats,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (masses, tau) => {
        const total = masses.reduce((sum, mass) => sum + mass, 0) || 1;
        const selection = select(
          rounds(...masses.map((mass) => mass / total)),
          { tau },
        );
        const taken = ids(selection);
        expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
        expect(taken).toContain(masses.length);
        if (masses.some((mass) => mass > 0)) {
          expect(selection.capturedMass).toBeGreaterThanOrEqual(tau - 1e-9);
        }
      },
    ),
  );
});
