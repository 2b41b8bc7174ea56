/**
 * The scheduler: whether a half of a round that a turn needs is kept, restored from the store, or computed
 * again, from what was measured of both. Numbers in, a word out; others carry it out.
 */

/** How quickly KV comes to the GPU, from measurements. */
export class Rates {
  /** Bytes of stored KV, read and uploaded. Until measured: a slow disk. */
  restoreBytesPerMs = 100_000;
  /** Tokens through all layers. Until measured: an integrated GPU. */
  prefillTokensPerMs = 0.2;

  restored(bytes: number, ms: number): void {
    if (bytes < FEWEST_BYTES) return;
    this.restoreBytesPerMs = blended(this.restoreBytesPerMs, bytes, ms);
  }

  /** @param layerShare how much of the layers the tokens went through, up to 1 */
  prefilled(tokens: number, layerShare: number, ms: number): void {
    if (tokens < FEWEST_TOKENS) return;
    const whole = tokens * layerShare;
    this.prefillTokensPerMs = blended(this.prefillTokensPerMs, whole, ms);
  }
}

/** Samples below these are all start-up, and say little about a rate. */
const FEWEST_BYTES = 16 * 1024;
const FEWEST_TOKENS = 16;
/** Browsers' clocks tick in steps, against fingerprinting: a shorter time is no time that was measured. */
const SHORTEST_MS = 0.1;
/** How much the newest sample counts. */
const WEIGHT = 0.3;

/** Whatever is measured, a rate stays above zero and finite: it is what costs are divided by. */
function blended(rate: number, amount: number, ms: number): number {
  const sample = amount / ms;
  const isMeasured = ms >= SHORTEST_MS && sample > 0 && sample < Infinity;
  return isMeasured ? (1 - WEIGHT) * rate + WEIGHT * sample : rate;
}

export interface HalfState {
  isResident: boolean;
  /** 0 where it is not stored. */
  storedBytes: number;
  /** Tokens of the round. */
  tokens: number;
  /** How much of the layers computing it takes, up to 1. */
  layerShare: number;
}

export type HalfAction = "keep" | "restore" | "recompute";

export interface HalfPlan {
  action: HalfAction;
  /** What it is expected to take. */
  costMs: number;
}

/**
 * Computing must be so much quicker to be worth it: it keeps the GPU from other work, and its result is
 * the stored one only up to rounding.
 */
const CLEARLY = 0.5;

export function planHalf(
  { isResident, storedBytes, tokens, layerShare }: HalfState,
  { restoreBytesPerMs, prefillTokensPerMs }: Rates,
): HalfPlan {
  if (isResident) return { action: "keep", costMs: 0 };
  const recomputeMs = (tokens * layerShare) / prefillTokensPerMs;
  const recompute: HalfPlan = { action: "recompute", costMs: recomputeMs };
  if (storedBytes === 0) return recompute;
  const restoreMs = storedBytes / restoreBytesPerMs;
  return recomputeMs < CLEARLY * restoreMs
    ? recompute
    : { action: "restore", costMs: restoreMs };
}
