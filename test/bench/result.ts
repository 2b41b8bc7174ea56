/** What the benchmark finds out: out/bench.json. Units stand last in the names. */
import type { DeviceInfo, ModelInfo } from "../../src/engine/api/models";
import type { WorkCounts } from "../../src/gpu/gpu";

export interface BenchResult {
  date: string;
  /** The browser, or Node. */
  runtime: string;
  isQuick: boolean;
  adapter: DeviceInfo & { device: string };
  features: string[];
  limits: Record<string, number>;
  model: Omit<ModelInfo, "device">;
  load: { firstMs: number; againMs: number };
  turns: {
    /** Time to the first token of the first message after loading. */
    coldMs: number;
    first: TurnTimes;
    second: TurnTimes;
  };
  prefill: PrefillTimes[];
  decode: DecodeTimes[];
}

/** Of a message, from sending it to the first token of the reply; times are medians. */
export interface TurnTimes {
  cachedTokens: number;
  prefilledTokens: number;
  timeToFirstTokenMs: number;
  runs: number;
}

/** Of a prefill without any history; times are medians. */
export interface PrefillTimes {
  tokens: number;
  /** Where the context has no room for as many as were asked for. */
  askedTokens?: number;
  ms: number;
  tokensPerSecond: number;
  gflopPerSecond: number;
  runs: number;
}

/** Of decode steps behind a history; times are medians. */
export interface DecodeTimes {
  historyTokens: number;
  /** Where the context has no room for as many as were asked for. */
  askedTokens?: number;
  stepMs: number;
  tokensPerSecond: number;
  /** Bytes of weights and KV that a step has to read. */
  readBytes: number;
  readGigabytesPerSecond: number;
  /** Steps timed. */
  steps: number;
  /** Averages over all steps, those that are not timed too. */
  perStep: WorkCounts;
}
