import { expect, test } from "vitest";
import { PrefillPace } from "../../../src/engine/run/prefill-pace";

test("cuts evenly, so that no submit is tiny", () => {
  const pace = new PrefillPace(256);
  expect(pace.nextRows(64)).toBe(64);
  expect(pace.nextRows(65)).toBe(33);
  expect(pace.nextRows(1)).toBe(1);
});

test("goes for fifty milliseconds a submit", () => {
  const slow = new PrefillPace(256);
  slow.addSample(64, 200);
  expect(slow.nextRows(1000)).toBeLessThanOrEqual(32);
  const fast = new PrefillPace(256);
  for (let i = 0; i < 5; i++) fast.addSample(64, 1);
  expect(fast.nextRows(10_000)).toBeGreaterThan(200);
  expect(fast.nextRows(10_000)).toBeLessThanOrEqual(256);
});

test("grows by no more than twice, and learns nothing from a few rows", () => {
  const pace = new PrefillPace(256);
  pace.addSample(64, 0.01);
  expect(pace.nextRows(128)).toBe(128);
  pace.addSample(3, 1000);
  expect(pace.nextRows(128)).toBe(128);
});
