/** Matchers for arrays of numbers; importing the file registers them. */
import { expect } from "vitest";

declare module "vitest" {
  interface Matchers<T> {
    /**
     * Every value within tolerance · max(1, largest |expected|) of the expected
     * one, and as many of them. NaN is never close.
     */
    toBeCloseToArray(expected: ArrayLike<number>, tolerance: number): T;
  }
}

expect.extend({
  toBeCloseToArray(
    received: ArrayLike<number>,
    expected: ArrayLike<number>,
    tolerance: number,
  ) {
    if (received.length !== expected.length) {
      return {
        pass: false,
        message: () =>
          `expected ${expected.length} values, got ${received.length}`,
      };
    }
    if (expected.length === 0)
      return { pass: false, message: () => "there is nothing to compare" };
    let scale = 1;
    for (let i = 0; i < expected.length; i++) {
      const size = Math.abs(expected[i]!);
      if (size > scale && size < Infinity) scale = size;
    }

    let worst = -1;
    let largest = -1;
    for (let i = 0; i < expected.length; i++) {
      const error = difference(received[i]!, expected[i]!);
      if (error > largest) {
        largest = error;
        worst = i;
      }
    }
    const limit = tolerance * scale;
    return {
      pass: largest <= limit,
      message: () =>
        `value ${worst} of ${expected.length} is off by ${largest} (${limit} is allowed): ` +
        `got ${received[worst]}, expected ${expected[worst]}`,
    };
  },
});

function difference(got: number, expected: number): number {
  if (got === expected) return 0;
  const error = Math.abs(got - expected);
  return Number.isNaN(error) ? Infinity : error;
}
