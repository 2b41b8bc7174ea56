import { expect, test } from "vitest";
import { divergence, likeliest } from "../../../src/engine/run/logits";

test("KL is what its formula says, and nothing between equal rows", () => {
  // Probabilities 1/4, 3/4 and 1/2, 1/2; a constant added to logits changes nothing.
  const p = Float32Array.of(0, Math.log(3));
  const q = Float32Array.of(5, 5);
  const expected = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
  expect(divergence(p, q)).toBeCloseTo(expected, 6);
  expect(divergence(p, p)).toBe(0);
});

test("a row may be as long as any vocabulary, and its values as large as floats", () => {
  const row = new Float32Array(300_000).fill(1e4);
  row[77] = 2e4;
  expect(likeliest(row)).toBe(77);
  expect(divergence(row, row)).toBe(0);
});

test("of equal logits the first is the likeliest", () => {
  expect(likeliest(Float32Array.of(1, 3, 3))).toBe(1);
});
