// What rounds gain over a question without content.
import fc from "fast-check";
import { expect, test } from "vitest";
import { combined, scoreRounds } from "../../../src/engine/rounds/round-scores";
import type { UnitSoftmax } from "../../../src/engine/run/unit-softmax";

/** A head whose one row looks at units in these shares; each unit is one token. */
function looksAt(...shares: number[]): UnitSoftmax {
  const logs = Float32Array.from(shares, Math.log);
  return { units: shares.length, rows: 1, sums: logs, greatest: logs };
}

const SUM = { first: 2, how: "sum" } as const;

test("a head that sees the round with the answer puts it first, and by how much", () => {
  const { raw, score } = scoreRounds({
    ...SUM,
    question: [looksAt(0.5, 0.1, 0.05, 0.3, 0.05)],
    blank: [looksAt(0.6, 0.1, 0.1, 0.1, 0.1)],
  });
  expect(raw.map((one) => Number(one.toFixed(6)))).toEqual([-0.05, 0.2, -0.05]);
  expect(score).toEqual([0, 1, 0]);
});

test("what any question gets counts for nothing", () => {
  const both = [looksAt(0.3, 0.1, 0.5, 0.05, 0.05)];
  expect(scoreRounds({ ...SUM, question: both, blank: both })).toEqual({
    raw: [0, 0, 0],
    score: [0, 0, 0],
  });
});

test("the surest head gives raw, and each head has one vote in the score", () => {
  const { raw, score } = combined([
    [0.3, 0.1, -0.2],
    [-0.1, 0.01, 0.01],
  ]);
  expect(raw).toEqual([0.3, 0.1, 0.01]);
  expect(score[0]).toBeCloseTo(0.75 / 2);
  expect(score[1]).toBeCloseTo((0.25 + 0.5) / 2);
  expect(score[2]).toBeCloseTo(0.5 / 2);
});

test("a head that gains nothing has no vote", () => {
  const [sees, blind] = [
    [0.3, 0.1, 0],
    [-0.1, -0.2, 0],
  ];
  expect(combined([sees, blind]).score).toEqual(combined([sees]).score);
});

test("a chat without rounds has no scores", () => {
  const both = [looksAt(0.9, 0.1)];
  expect(scoreRounds({ ...SUM, question: both, blank: both })).toEqual({
    raw: [],
    score: [],
  });
});

test("a round's greatest token counts where that is asked for", () => {
  const spread: UnitSoftmax = {
    units: 2,
    rows: 1,
    sums: Float32Array.of(Math.log(0.6), Math.log(0.4)),
    greatest: Float32Array.of(Math.log(0.1), Math.log(0.4)),
  };
  const blank = [looksAt(0.95, 0.05)];
  const first = 0;
  const question = [spread];
  const bySum = scoreRounds({ question, blank, first, how: "sum" });
  const byToken = scoreRounds({ question, blank, first, how: "greatest" });
  expect(bySum.raw[0]).toBeCloseTo(0.6 - 0.95);
  expect(byToken.raw[0]).toBeCloseTo(0.1 - 0.95);
});

test("questions that were asked of other units are refused", () => {
  expect(() =>
    scoreRounds({ ...SUM, question: [looksAt(1, 0)], blank: [looksAt(1)] }),
  ).toThrow("units by head [2], the blank one [1]");
});

test("whatever heads see, scores sum to one or to nothing, and none is negative", () => {
  const gain = fc.double({ min: -1, max: 1, noNaN: true });
  const gains = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 }))
    .chain(([heads, rounds]) =>
      fc.array(fc.array(gain, { minLength: rounds, maxLength: rounds }), {
        minLength: heads,
        maxLength: heads,
      }),
    );
  fc.assert(
    fc.property(gains, (gains) => {
      const { raw, score } = combined(gains);
      const isNothing = raw.every((one) => one <= 0);
      const total = score.reduce((a, b) => a + b, 0);
      expect(total).toBeCloseTo(isNothing ? 0 : 1, 9);
      score.forEach((one, round) => {
        expect(one).toBeGreaterThanOrEqual(0);
        if (raw[round]! <= 0) expect(one).toBe(0);
      });
    }),
  );
});
