/** Sizes and times in words. */

const UNITS = ["B", "kB", "MB", "GB"];

/** For example "3.1 of 6.9 MB": both in the unit of the total. */
export function byteRange(loadedBytes: number, totalBytes: number): string {
  const step = stepOf(totalBytes);
  const digits = digitsOf(totalBytes, step);
  return `${inUnit(loadedBytes, step, digits)} of ${byteText(totalBytes)}`;
}

/** For example "145 MB", "1.1 GB". */
export function byteText(bytes: number): string {
  const step = stepOf(bytes);
  return `${inUnit(bytes, step, digitsOf(bytes, step))} ${UNITS[step]}`;
}

/** For example "40 seconds", "3 minutes", "2 hours". */
export function durationText(seconds: number): string {
  if (seconds < 55) return counted(Math.max(5, roundTo(seconds, 5)), "second");
  if (seconds < 3570) return counted(Math.round(seconds / 60), "minute");
  return counted(Math.round(seconds / 3600), "hour");
}

/** For example "1.5B" for 1,540 million. */
export function countText(count: number): string {
  return new Intl.NumberFormat("en", {
    notation: "compact",
    maximumSignificantDigits: 3,
  }).format(count);
}

/** For example "32,768". */
export function wholeText(count: number): string {
  return count.toLocaleString("en");
}

function stepOf(bytes: number): number {
  const step = Math.floor(Math.log10(Math.max(bytes, 1)) / 3);
  return Math.min(step, UNITS.length - 1);
}

function digitsOf(bytes: number, step: number): number {
  return step < 2 || (step === 2 && bytes >= 1e8) ? 0 : 1;
}

function inUnit(bytes: number, step: number, digits: number): string {
  return (bytes / 1000 ** step).toFixed(digits);
}

function roundTo(value: number, unit: number): number {
  return Math.round(value / unit) * unit;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
