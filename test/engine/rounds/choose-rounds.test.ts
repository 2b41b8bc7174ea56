import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseRounds,
  noiseAt,
  type ScoredRound,
} from "../../../src/engine/rounds/choose-rounds";

/** Rounds 1, 2, ... of these gains, a hundred bytes each. */
function rounds(...gains: number[]): ScoredRound[] {
  const total = gains.reduce((sum, gain) => sum + Math.max(gain, 0), 0) || 1;
  return gains.map((raw, i) => ({
    id: i + 1,
    raw,
    score: Math.max(raw, 0) / total,
    bytes: 100,
    isPinned: false,
  }));
}

const ids = (selection: ReturnType<typeof chooseRounds>) =>
  selection.rounds.map(({ id }) => id);

test("takes the rounds above the noise, and the last one", () => {
  const selection = chooseRounds(rounds(0.02, 0.3, -0.1, 0.08, 0), {
    noise: 0.05,
  });
  expect(selection.rounds).toEqual([
    { id: 2, reason: "mass" },
    { id: 4, reason: "mass" },
    { id: 5, reason: "last" },
  ]);
  expect(selection.capturedMass).toBeCloseTo(0.38 / 0.4);
  expect(selection.isCut).toBe(false);
});

test("a round that just reaches the noise is not above it", () => {
  const chat = rounds(0.05, 0.3, 0);
  expect(ids(chooseRounds(chat, { noise: 0.05 }))).toEqual([2, 3]);
});

test("takes the best kMin though all is noise", () => {
  const chat = rounds(0.02, 0.04, 0.03, 0);
  expect(ids(chooseRounds(chat, { noise: 0.05 }))).toEqual([2, 4]);
  expect(ids(chooseRounds(chat, { noise: 0.05, kMin: 2 }))).toEqual([2, 3, 4]);
  expect(ids(chooseRounds(chat, { noise: 0.05, kMin: 0 }))).toEqual([4]);
});

test("the newer goes first on ties, so that where nothing is asked for the last one is enough", () => {
  expect(ids(chooseRounds(rounds(0, 0, 0), { noise: 0.05 }))).toEqual([3]);
  const chat = rounds(0.1, 0.1, 0.1, 0);
  const budgetBytes = 300;
  expect(ids(chooseRounds(chat, { noise: 0, budgetBytes }))).toEqual([2, 3, 4]);
});

test("a round above the noise is taken though one below it has the higher score", () => {
  // Two heads: the first round is liked a little by both, the second by one alone.
  const [first, second, last] = rounds(0.05, 0.08, 0);
  const chat = [{ ...first!, score: 0.6 }, { ...second!, score: 0.4 }, last!];
  const noise = 0.06;
  expect(ids(chooseRounds(chat, { noise, kMin: 0 }))).toEqual([2, 3]);
  expect(ids(chooseRounds(chat, { noise, kMin: 1 }))).toEqual([1, 2, 3]);
});

test("pinned rounds are taken whatever their score", () => {
  const [first, ...rest] = rounds(-0.1, 0.4, 0.1);
  const chat = [{ ...first!, isPinned: true }, ...rest];
  expect(chooseRounds(chat, { noise: 0.05 }).rounds).toEqual([
    { id: 1, reason: "pinned" },
    { id: 2, reason: "mass" },
    { id: 3, reason: "last" },
  ]);
});

test("a round that does not fit is left out, and a smaller one after it taken", () => {
  const [first, second, third, last] = rounds(0.2, 0.5, 0.3, 0);
  const chat = [first!, { ...second!, bytes: 250 }, third!, last!];
  const selection = chooseRounds(chat, { noise: 0.05, budgetBytes: 300 });
  expect(ids(selection)).toEqual([1, 3, 4]);
  expect(selection.isCut).toBe(true);
  expect(selection.capturedMass).toBeCloseTo(0.5);
});

test("an empty chat has nothing to choose", () => {
  expect(chooseRounds([], { noise: 0 })).toEqual({
    rounds: [],
    capturedMass: 0,
    isCut: false,
  });
});

test("whatever the scores: chat order, none twice, the forced and all above the noise in, or cut", () => {
  const round = fc.record({
    raw: fc.double({ min: -1, max: 1, noNaN: true }),
    bytes: fc.integer({ min: 1, max: 100 }),
    isPinned: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(round, { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 3000 }),
      (drawn, noise, kMin, budgetBytes) => {
        const chat = rounds(...drawn.map(({ raw }) => raw)).map((one, i) => ({
          ...one,
          ...drawn[i]!,
        }));
        const selection = chooseRounds(chat, { noise, kMin, budgetBytes });
        const taken = new Set(ids(selection));
        expect([...taken]).toEqual([...taken].sort((a, b) => a - b));
        expect(ids(selection)).toHaveLength(taken.size);
        const chosen = chat.filter(({ id }) => taken.has(id));
        const bytes = chosen.reduce((sum, one) => sum + one.bytes, 0);
        expect(bytes).toBeLessThanOrEqual(budgetBytes);
        const wanted = chat.filter(
          (one) => one === chat.at(-1) || one.isPinned || one.raw > noise,
        );
        const isMissing = wanted.some(({ id }) => !taken.has(id));
        if (isMissing) expect(selection.isCut).toBe(true);
        if (!selection.isCut)
          expect(taken.size).toBeGreaterThanOrEqual(
            Math.min(kMin, chat.length),
          );
      },
    ),
  );
});

describe("the noise at so many units", () => {
  const points = [
    [8, 0.2],
    [32, 0.1],
    [64, 0.08],
  ] as const;

  test("is what was measured where it was measured", () => {
    for (const [units, value] of points)
      expect(noiseAt(points, units)).toBeCloseTo(value, 12);
  });

  test("is linear in the logarithm between two points", () => {
    expect(noiseAt(points, 16)).toBeCloseTo(0.15);
    expect(noiseAt(points, Math.sqrt(32 * 64))).toBeCloseTo(0.09);
  });

  test("is that of the nearest point beyond them", () => {
    expect(noiseAt(points, 0)).toBe(0.2);
    expect(noiseAt(points, 1)).toBe(0.2);
    expect(noiseAt(points, 1000)).toBe(0.08);
    expect(noiseAt([[24, 0.03]], 3)).toBe(0.03);
  });

  test("is none where none is known", () => {
    expect(noiseAt([], 12)).toBe(0);
  });
});
