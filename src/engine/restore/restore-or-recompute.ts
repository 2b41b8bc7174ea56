/**
 * Decides whether a half of a round that a turn needs is kept, restored from the store or recomputed, by measured
 * rates. A pure function; others carry it out.
 */

/** How fast KV comes to the GPU, as measured. */
export class Rates {
  /** Bytes of stored KV per second, read and uploaded. Until measured: a slow disk. */
  restoreBytesPerMs = 100_000;
  /** Tokens per second through all layers. Until measured: an integrated GPU. */
  prefillTokensPerMs = 0.2;

  restored(bytes: number, ms: number): void {
    if (bytes < FEWEST_BYTES) return;
    this.restoreBytesPerMs = blended(this.restoreBytesPerMs, bytes, ms);
  }

  /** @param layerShare share of the layers that the tokens went through, up to 1 */
  prefilled(tokens: number, layerShare: number, ms: number): void {
    if (tokens < FEWEST_TOKENS) return;
    const whole = tokens * layerShare;
    this.prefillTokensPerMs = blended(this.prefillTokensPerMs, whole, ms);
  }
}

/** Smaller samples are dominated by start-up costs. */
const FEWEST_BYTES = 16 * 1024;
const FEWEST_TOKENS = 16;
/** Browsers' clocks tick in coarse steps, against fingerprinting: shorter times are not measurable. */
const SHORTEST_MS = 0.1;
/** Weight of the newest sample. */
const WEIGHT = 0.3;

/** Rates stay above zero and finite: costs are divided by them. */
function blended(rate: number, amount: number, ms: number): number {
  const sample = amount / ms;
  const isMeasured = ms >= SHORTEST_MS && sample > 0 && sample < Infinity;
  return isMeasured ? (1 - WEIGHT) * rate + WEIGHT * sample : rate;
}

export interface HalfState {
  isResident: boolean;
  /** 0 if it is not stored. */
  storedBytes: number;
  /** Tokens of the round. */
  tokens: number;
  /** Share of the layers that computing it takes, up to 1. */
  layerShare: number;
}

export type HalfAction = "keep" | "restore" | "recompute";

export interface HalfPlan {
  action: HalfAction;
  /** Expected time. */
  costMs: number;
}

/**
 * Recomputing must be faster by this factor: it keeps the GPU from other work, and its result equals the stored
 * one only up to rounding.
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
