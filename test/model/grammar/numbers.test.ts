import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileConstraint } from "../../../src/model/grammar/constraint";
import { byteVocabulary, takes } from "../../support/constrained-reply";

function taker(schema: object) {
  const fresh = compileConstraint(byteVocabulary, schema);
  return (text: string) => takes(fresh.fork(), text);
}

/** An integer or a decimal of few digits, often near another. */
const bound = fc.oneof(
  fc.integer({ min: -1200, max: 1200 }),
  fc.integer({ min: -1200, max: 1200 }).map((n) => n / 100),
  fc.constantFrom(0, 1, -1, 0.5, 99, 100, 1e-7, -2.5e-8, 123456789012),
);
const keys = fc.constantFrom(
  ["minimum", "maximum"],
  ["minimum", "exclusiveMaximum"],
  ["exclusiveMinimum", "maximum"],
  ["exclusiveMinimum", "exclusiveMaximum"],
  ["minimum"],
  ["exclusiveMaximum"],
);
/** Bounds that some number lies between. */
const bounds = fc
  .tuple(keys, bound, bound)
  .filter(([, a, b]) => a !== b)
  .map(([[low, high], a, b]) => ({
    [low]: low === "exclusiveMaximum" ? Math.max(a, b) : Math.min(a, b),
    ...(high !== undefined && { [high]: Math.max(a, b) }),
  }));

function isWithin(limits: Record<string, number>, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity } = limits;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = limits;
  return (
    value >= minimum &&
    value <= maximum &&
    value > exclusiveMinimum &&
    value < exclusiveMaximum
  );
}

describe("numbers between bounds", () => {
  it("are just those within them, written out", () => {
    fc.assert(
      fc.property(bounds, fc.array(bound), (limits, others) => {
        const take = taker({ type: "number", ...limits });
        const near = Object.values(limits).flatMap((one) => [
          one,
          one + 1,
          one - 0.01,
          one + 0.001,
        ]);
        for (const value of [...others, ...near]) {
          const text = value.toFixed(9).replace(/\.?0+$/, "");
          if (text === "-0" || text.replace(/\D/g, "").length > 15) continue;
          expect([text, take(text)]).toEqual([
            text,
            isWithin(limits, Number(text)),
          ]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("are just the integers within them", () => {
    fc.assert(
      fc.property(bounds, fc.array(bound), (limits, others) => {
        const some = [0, 1, -1, 15, ...others, ...Object.values(limits)];
        const values = some.flatMap((one) => [
          Math.floor(one),
          Math.ceil(one) + 1,
        ]);
        if (!values.some((value) => isWithin(limits, value))) return;
        const take = taker({ type: "integer", ...limits });
        for (const value of values) {
          const text = String(value + 0);
          if (text === "-0") continue;
          expect([text, take(text)]).toEqual([text, isWithin(limits, value)]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("are never rounded onto a bound that they must not be", () => {
    const take = taker({ type: "number", exclusiveMaximum: 1000 });
    expect(take("999.99")).toBe(true);
    expect(take("999.99999999999999")).toBe(false);
    expect(take("-0")).toBe(false);
  });

  it("may have bounds beyond what is written", () => {
    const { MAX_SAFE_INTEGER, MIN_SAFE_INTEGER, MAX_VALUE } = Number;
    const limits = { minimum: MIN_SAFE_INTEGER, maximum: MAX_SAFE_INTEGER };
    for (const type of ["integer", "number"])
      expect(
        ["-5", "0", "123456789"].filter(taker({ type, ...limits })),
      ).toEqual(["-5", "0", "123456789"]);
    expect(taker({ type: "number", maximum: MAX_VALUE })("2.5")).toBe(true);
  });

  it("have so many digits that none goes on forever", () => {
    const take = taker({ type: "integer" });
    expect(take("9".repeat(15))).toBe(true);
    expect(take("9".repeat(16))).toBe(false);
    const any = taker({ type: "number" });
    expect(any("1e99")).toBe(true);
    expect(any("1e400")).toBe(false);
    expect(["01", "1.", ".5", "+1", "1e", "--1"].filter(any)).toEqual([]);
  });
});
