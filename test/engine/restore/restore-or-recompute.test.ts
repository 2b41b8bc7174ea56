import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type HalfState,
  planHalf,
  Rates,
} from "../../../src/engine/restore/restore-or-recompute";

const stored: HalfState = {
  isResident: false,
  storedBytes: 1_000_000,
  tokens: 100,
  layerShare: 1,
};

function rates(restoreBytesPerMs: number, prefillTokensPerMs: number): Rates {
  return Object.assign(new Rates(), { restoreBytesPerMs, prefillTokensPerMs });
}

test("what is resident is kept, and costs nothing", () => {
  const plan = planHalf({ ...stored, isResident: true }, rates(1, 1000));
  expect(plan).toEqual({ action: "keep", costMs: 0 });
});

test("what is not stored is computed again", () => {
  const plan = planHalf({ ...stored, storedBytes: 0 }, rates(1e9, 0.5));
  expect(plan).toEqual({ action: "recompute", costMs: 200 });
});

test("what is stored is restored, also when computing is a little quicker", () => {
  // 100 ms against 60 ms.
  const plan = planHalf(stored, rates(10_000, 100 / 60));
  expect(plan).toEqual({ action: "restore", costMs: 100 });
});

test("what is stored is computed again where that is clearly quicker", () => {
  const plan = planHalf(stored, rates(10_000, 100 / 40));
  expect(plan.action).toBe("recompute");
  expect(plan.costMs).toBeCloseTo(40);
});

test("a half takes its share of the layers", () => {
  const plan = planHalf(
    { ...stored, storedBytes: 0, layerShare: 0.25 },
    rates(1, 1),
  );
  expect(plan.costMs).toBe(25);
});

test("rates follow what is measured", () => {
  const measured = new Rates();
  for (let i = 0; i < 30; i++) {
    measured.restored(2_000_000, 10);
    measured.prefilled(100, 0.5, 100);
  }
  expect(measured.restoreBytesPerMs).toBeCloseTo(200_000, -2);
  expect(measured.prefillTokensPerMs).toBeCloseTo(0.5, 3);
});

test("samples that say little are left out, and no time at all is not infinitely quick", () => {
  const measured = new Rates();
  const { restoreBytesPerMs, prefillTokensPerMs } = measured;
  measured.restored(100, 10);
  measured.prefilled(3, 1, 1);
  expect(measured).toMatchObject({ restoreBytesPerMs, prefillTokensPerMs });
  measured.restored(1_000_000, 0);
  measured.prefilled(100, 1, 0);
  expect(Number.isFinite(measured.restoreBytesPerMs)).toBe(true);
  expect(Number.isFinite(measured.prefillTokensPerMs)).toBe(true);
});

test.each([
  ["a clock that did not move", 1, 0],
  ["a time below the clock's tick", 1, 0.01],
  ["a time without end", 1, Infinity],
  ["no layers", 0, 5],
])("%s says nothing about a rate", (_, layerShare, ms) => {
  const measured = new Rates();
  const { prefillTokensPerMs } = measured;
  measured.prefilled(16, layerShare, ms);
  expect(measured.prefillTokensPerMs).toBe(prefillTokensPerMs);
});

/** What a measurement may be, and what it should not be. */
const samples = fc.oneof(
  fc.double({ min: 0.001, max: 1e9, noNaN: true }),
  fc.constantFrom(0, -1, NaN, Infinity, -Infinity),
);
const shares = fc.oneof(
  fc.double({ min: 0.01, max: 1, noNaN: true }),
  fc.constantFrom(0, NaN),
);

test("whatever is measured, rates stay above zero and costs finite", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(samples, shares, samples), { maxLength: 50 }),
      fc.boolean(),
      (measurements, isStored) => {
        const measured = new Rates();
        for (const [amount, share, ms] of measurements) {
          measured.restored(amount, ms);
          measured.prefilled(amount, share, ms);
        }
        for (const rate of Object.values(measured)) {
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThan(Infinity);
        }
        const storedBytes = isStored ? stored.storedBytes : 0;
        const plan = planHalf({ ...stored, storedBytes }, measured);
        expect(plan.costMs).toBeGreaterThanOrEqual(0);
        expect(plan.costMs).toBeLessThan(Infinity);
        if (!isStored) expect(plan.action).toBe("recompute");
      },
    ),
  );
});

test("a slower store never makes restoring the choice where it was not", () => {
  const rate = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(rate, rate, rate, (a, b, prefill) => {
      const slow = planHalf(stored, rates(Math.min(a, b), prefill));
      const quick = planHalf(stored, rates(Math.max(a, b), prefill));
      if (quick.action === "recompute") expect(slow.action).toBe("recompute");
    }),
  );
});
