import { describe, expect, test } from "vitest";
import { DownloadRate } from "../../../src/ui/composer/download-rate";

const MB = 1e6;

/** A steady download, looked at each 100 ms. */
function steady(seconds: number, bytesPerSecond: number, startBytes = 0) {
  const rate = new DownloadRate();
  for (let ms = 0; ms <= seconds * 1000; ms += 100)
    rate.add(ms, startBytes + (ms / 1000) * bytesPerSecond);
  return rate;
}

describe("The rate of a download", () => {
  test("is not told in the first second", () => {
    const rate = new DownloadRate();
    expect(rate.bytesPerSecond(0)).toBeUndefined();
    rate.add(0, 0);
    rate.add(10, 64 * MB);
    expect(rate.bytesPerSecond(999)).toBeUndefined();
    expect(rate.secondsLeft(999, 100 * MB)).toBeUndefined();
  });

  test("is that of a steady one", () => {
    expect(steady(3, 2 * MB).bytesPerSecond(3000)).toBeCloseTo(2 * MB);
    expect(steady(60, 2 * MB).bytesPerSecond(60_000)).toBeCloseTo(2 * MB);
  });

  test("does not count what was there before", () => {
    const rate = steady(2, 1 * MB, 400 * MB);
    expect(rate.bytesPerSecond(2000)).toBeCloseTo(1 * MB);
    expect(rate.secondsLeft(2000, 450 * MB)).toBeCloseTo(48);
  });

  test("follows a change within about five seconds", () => {
    const rate = steady(20, 1 * MB);
    for (let ms = 20_100; ms <= 26_000; ms += 100)
      rate.add(ms, 20 * MB + ((ms - 20_000) / 1000) * 10 * MB);
    expect(rate.bytesPerSecond(26_000)).toBeCloseTo(10 * MB);
  });

  test("is calm where bytes come in lumps", () => {
    const rate = new DownloadRate();
    const seen: number[] = [];
    for (let second = 0; second <= 30; second++) {
      rate.add(second * 1000, Math.floor(second / 2) * 8 * MB);
      if (second >= 10) seen.push(rate.bytesPerSecond(second * 1000)!);
    }
    expect(Math.min(...seen)).toBeGreaterThan(2 * MB);
    expect(Math.max(...seen)).toBeLessThan(6 * MB);
  });

  test("is nothing where nothing has come for five seconds, and no time is left then", () => {
    const rate = steady(10, 1 * MB);
    rate.add(15_200, 10 * MB);
    expect(rate.bytesPerSecond(15_200)).toBe(0);
    expect(rate.secondsLeft(15_200, 20 * MB)).toBeUndefined();
  });

  test("begins anew where less is there than before", () => {
    const rate = steady(10, 1 * MB);
    rate.add(10_100, 0);
    expect(rate.bytesPerSecond(10_500)).toBeUndefined();
    rate.add(12_100, 4 * MB);
    expect(rate.bytesPerSecond(12_100)).toBeCloseTo(2 * MB);
  });

  test("is of one moment where all came at once", () => {
    const rate = new DownloadRate();
    rate.add(0, 10 * MB);
    expect(rate.bytesPerSecond(2000)).toBe(0);
  });
});
