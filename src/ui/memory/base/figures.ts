/** Figures of the memory panel in words. Bytes and plain counts are in ../sizes.ts. */
import type { PoolMemory } from "../../../engine/api/memory-snapshot";
import { wholeText } from "../../base/sizes";

/** For example "31 %", "<1 %", "0 %". */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 1) return "<1 %";
  return `${Math.round(percent)} %`;
}

/** For example "0.4 ms", "12 ms", "1.4 s", "75 s". */
export function msText(ms: number): string {
  if (ms > 0 && ms < 0.95) return `${ms.toFixed(1)} ms`;
  if (ms < 995) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** For example "38 tok/s", "0.6 tok/s", "0 tok/s". */
export function speedText(tokensPerSecond: number): string {
  const isSmall = tokensPerSecond > 0 && tokensPerSecond < 9.95;
  return `${tokensPerSecond.toFixed(isSmall ? 1 : 0)} tok/s`;
}

/** For example "1 token", "1,240 tokens". */
export function tokensText(tokens: number): string {
  return countedText(Math.round(tokens), "token");
}

/** For example "1 segment", "no segments", "1,240 segments". */
export function countedText(count: number, noun: string): string {
  const number = count === 0 ? "no" : wholeText(count);
  return `${number} ${noun}${count === 1 ? "" : "s"}`;
}

/** A small number with two digits that count, for example "0.0042", "1.3", "0". */
export function smallText(value: number): string {
  if (value === 0) return "0";
  if (value < 1e-4) return "<0.0001";
  return String(Number(value.toPrecision(2)));
}

/** Bytes of a half's pages that rounds have. */
export function usedBytes({ local, ...pool }: PoolMemory): number {
  const { bytesPerPage, freePages, pageCount } = pool;
  return (
    (pageCount - freePages) * bytesPerPage + (local ? usedBytes(local) : 0)
  );
}

/** Bytes of its other pages. */
export function freeBytes({ local, ...pool }: PoolMemory): number {
  return pool.freePages * pool.bytesPerPage + (local ? freeBytes(local) : 0);
}
