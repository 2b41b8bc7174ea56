// Attention on units, put together from the parts of their softmaxes.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ScoreHow } from "../../../src/model/config/round-index";
import { massOf } from "../../../src/engine/rounds/unit-mass";
import type { UnitSoftmax } from "../../../src/engine/run/unit-softmax";

/** Units from the scores of their tokens: [unit][row][token]. */
function softmaxOf(scores: number[][][]): UnitSoftmax {
  const logOfSum = (row: number[]) =>
    Math.log(row.reduce((sum, score) => sum + Math.exp(score), 0));
  return {
    units: scores.length,
    rows: scores[0]?.length ?? 0,
    sums: Float32Array.from(scores.flatMap((unit) => unit.map(logOfSum))),
    greatest: Float32Array.from(
      scores.flatMap((unit) => unit.map((row) => Math.max(...row))),
    ),
  };
}

test("a unit has the mean share of its tokens, or of the greatest of them", () => {
  // Two rows. In the first all four tokens have the same score, in the second one has three quarters.
  const softmax = softmaxOf([
    [
      [0, 0],
      [0, 0],
    ],
    [[1], [Math.log(6)]],
    [[1], [-Infinity]],
  ]);
  const first = 2 + 2 * Math.E;
  const sum = massOf(softmax, "sum");
  expect(sum[0]).toBeCloseTo((2 / first + 2 / 8) / 2);
  expect(sum[1]).toBeCloseTo((Math.E / first + 6 / 8) / 2);
  expect(sum[2]).toBeCloseTo(Math.E / first / 2);
  const greatest = massOf(softmax, "greatest");
  expect(greatest[0]).toBeCloseTo((1 / first + 1 / 8) / 2);
  expect(greatest.slice(1)).toEqual(sum.slice(1));
});

function expectMass(softmax: UnitSoftmax, how: ScoreHow, mass: number[]) {
  const found = massOf(softmax, how);
  expect(found).toHaveLength(mass.length);
  found.forEach((one, unit) => expect(one).toBeCloseTo(mass[unit]!, 9));
}

test("a row that sees nothing of a unit gives it nothing", () => {
  const softmax = softmaxOf([
    [[-Infinity], [2]],
    [[3], [2]],
  ]);
  expectMass(softmax, "sum", [0.25, 0.75]);
});

test("a row that sees nothing at all is attention on nothing", () => {
  const softmax = softmaxOf([
    [[-Infinity], [2]],
    [[-Infinity], [2]],
  ]);
  for (const how of ["sum", "greatest"] as const)
    expectMass(softmax, how, [0.25, 0.25]);
});

test("without rows there is no attention, and without units nothing to fall on", () => {
  const none = new Float32Array(0);
  const empty = { sums: none, greatest: none };
  expect(massOf({ units: 2, rows: 0, ...empty }, "sum")).toEqual([0, 0]);
  expect(massOf({ units: 0, rows: 2, ...empty }, "sum")).toEqual([]);
});

test("scores of any size neither overflow nor vanish", () => {
  const high = softmaxOf([[[700]], [[700]]]);
  expectMass(high, "sum", [0.5, 0.5]);
  const low: UnitSoftmax = {
    units: 2,
    rows: 1,
    sums: Float32Array.of(-4000, -4000),
    greatest: Float32Array.of(-4000, -4001),
  };
  expectMass(low, "sum", [0.5, 0.5]);
  expect(massOf(low, "greatest")[1]).toBeCloseTo(0.5 / Math.E);
});

const score = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -60, max: 60, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(-Infinity) },
);
/** The first token of the first unit is seen by every row, as that of a system prompt. */
const anyScores = fc
  .tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 5 }),
    fc.infiniteStream(score),
  )
  .map(([units, rows, stream]) => {
    const scores = Array.from({ length: units }, () =>
      Array.from({ length: rows }, () => [...stream.take(3)]),
    );
    for (const row of scores[0]!) row[0] = 1;
    return scores;
  });

test("by sums all units share the whole attention; the greatest token never has more than its unit", () => {
  fc.assert(
    fc.property(anyScores, (scores) => {
      const softmax = softmaxOf(scores);
      const sums = massOf(softmax, "sum");
      expect(sums.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      massOf(softmax, "greatest").forEach((mass, unit) =>
        expect(mass).toBeLessThanOrEqual(sums[unit]! + 1e-5),
      );
    }),
  );
});

test("a score that is added to all of a row's tokens changes nothing", () => {
  fc.assert(
    fc.property(anyScores, fc.integer({ min: -30, max: 30 }), (scores, by) => {
      const moved = scores.map((unit) =>
        unit.map((row) => row.map((one) => one + by)),
      );
      const before = massOf(softmaxOf(scores), "sum");
      massOf(softmaxOf(moved), "sum").forEach((mass, unit) =>
        expect(mass).toBeCloseTo(before[unit]!, 4),
      );
    }),
  );
});
