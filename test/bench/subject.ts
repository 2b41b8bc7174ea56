/** A network under measurement: its prefill and its decode steps, run as a turn runs them. */
import type { Network } from "../../src/engine/load/network";
import { Runner } from "../../src/engine/run/runner";
import type { Gpu, WorkCounts } from "../../src/gpu/gpu";
import { ReadbackRing } from "../../src/gpu/readback";
import { pagesFor } from "../../src/memory/page-pool";
import { newRound, type Round } from "../../src/memory/round";
import type { Matrix } from "../../src/model/weights/matrix";
import { type PreparedReply, prepareReply } from "../support/reply";
import {
  dropRound,
  fitRound,
  markComputed,
  reservePages,
} from "../support/rounds";
import type { DecodeTimes, PrefillTimes } from "./result";

/** History stands in rounds of so many tokens: pages that are not all full, as in a chat. */
const ROUND_TOKENS = 100;
/** Decode steps that are timed together: tokens may be read back in bunches. */
const WINDOW_STEPS = 8;
/** Tokens before the first window, and behind the last one, where no new steps are submitted. */
const LEAD_TOKENS = 4;
const TAIL_TOKENS = 2;
/** A prefill is not repeated when its runs have taken so long. */
const BUDGET_MS = 20_000;

export class Subject {
  readonly gpu: Gpu;
  readonly network: Network;
  readonly #runner: Runner;
  readonly #ring: ReadbackRing;

  constructor(gpu: Gpu, network: Network) {
    this.gpu = gpu;
    this.network = network;
    this.#runner = new Runner(gpu, network.decoder, network.cache);
    this.#ring = new ReadbackRing(gpu, 3);
  }

  destroy(): void {
    this.#ring.destroy();
  }

  /** Prefills so many tokens up to `runs` times. The first run warms up, unless there is time for one alone. */
  async timePrefill(tokens: number, runs: number): Promise<PrefillTimes> {
    const timesMs: number[] = [];
    let spentMs = 0;
    while (timesMs.length <= runs && spentMs < BUDGET_MS) {
      await this.#withReply(
        { tokens, pending: tokens },
        1,
        async ({ reply, prefill }) => {
          const start = performance.now();
          await prefill();
          for await (const _ of reply.decode(limits(1))) void _;
          timesMs.push(performance.now() - start);
        },
      );
      spentMs += timesMs.at(-1)!;
    }
    const timed = timesMs.length > 1 ? timesMs.slice(1) : timesMs;
    const ms = median(timed);
    return {
      tokens,
      ms,
      tokensPerSecond: (1000 * tokens) / ms,
      gflopPerSecond: this.#prefillFlop(tokens) / ms / 1e6,
      runs: timed.length,
    };
  }

  /** Decodes behind so many tokens. Their KV is what the pages happen to hold: it costs as much as any. */
  async timeDecode(
    historyTokens: number,
    windows: number,
  ): Promise<DecodeTimes> {
    const replyTokens = replyTokensFor(windows);
    const readAtMs: number[] = [];
    const perStep = await this.#withReply(
      { tokens: historyTokens, pending: 1 },
      replyTokens,
      async ({ reply, prefill }) => {
        await prefill();
        const before = { ...this.gpu.counts };
        for await (const _ of reply.decode(limits(replyTokens))) {
          readAtMs.push(performance.now());
        }
        return averageOf(before, this.gpu.counts, reply.fedTokens);
      },
    );
    const stepMs = median(
      Array.from({ length: windows }, (_, i) => {
        const first = LEAD_TOKENS - 1 + i * WINDOW_STEPS;
        return (
          (readAtMs[first + WINDOW_STEPS]! - readAtMs[first]!) / WINDOW_STEPS
        );
      }),
    );
    const readBytes = this.#stepBytes(historyTokens + replyTokens / 2);
    return {
      historyTokens,
      stepMs,
      tokensPerSecond: 1000 / stepMs,
      readBytes,
      readGigabytesPerSecond: readBytes / stepMs / 1e6,
      steps: windows * WINDOW_STEPS,
      perStep,
    };
  }

  /** Runs a reply behind so many tokens, the last `pending` of them without KV, with the pages that it will need. */
  async #withReply<T>(
    { tokens, pending }: { tokens: number; pending: number },
    replyTokens: number,
    work: (prepared: PreparedReply) => Promise<T>,
  ): Promise<T> {
    const { cache, config } = this.network;
    const rounds = roundsOf(tokens, config.vocabSize);
    markFirst(rounds, tokens - pending);
    // Pools that grow in the middle of a measurement would be measured too.
    const pages = rounds.map((round) => pagesFor(round.tokens.length));
    await reservePages(
      cache,
      pages.reduce((a, b) => a + b, 0) + pagesFor(replyTokens),
    );
    try {
      for (const round of rounds) fitRound(round, round.tokens.length, cache);
      return await work(prepareReply(this.#runner, rounds, this.#ring));
    } finally {
      for (const round of rounds) dropRound(round, cache);
    }
  }

  /** Multiplications and additions of a prefill's matrices and attention. */
  #prefillFlop(tokens: number): number {
    const { config, weights } = this.network;
    const matrices = weights.layers
      .flatMap(({ qkv, oProj, gateUp, downProj }) => [
        qkv,
        oProj,
        gateUp,
        downProj,
      ])
      .reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    const { numHiddenLayers, numAttentionHeads, headDim } = config;
    // A product with the keys and one with the values; half of all pairs, for keys lie before their queries.
    const pairs = (tokens * tokens) / 2;
    const attention = 2 * pairs * numHiddenLayers * numAttentionHeads * headDim;
    return 2 * (tokens * matrices + attention);
  }

  #stepBytes(historyTokens: number): number {
    const { weights, cache } = this.network;
    const isTied = weights.lmHead === weights.embedTokens;
    const unread = isTied ? 0 : bytesOf(weights.embedTokens);
    return Math.round(
      weights.bytes - unread + historyTokens * cache.tokenBytes,
    );
  }
}

function bytesOf({ parts }: Matrix): number {
  return parts.reduce(
    (sum, { weights, scales }) => sum + weights.size + (scales?.size ?? 0),
    0,
  );
}

/** Tokens of a reply with so many windows. */
export function replyTokensFor(windows: number): number {
  return LEAD_TOKENS + windows * WINDOW_STEPS + TAIL_TOKENS;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Rounds of so many tokens together: any tokens will do. */
function roundsOf(tokens: number, vocabSize: number): Round[] {
  const ids = Array.from({ length: tokens }, (_, i) => (7919 * i) % vocabSize);
  return Array.from({ length: Math.ceil(tokens / ROUND_TOKENS) }, (_, id) =>
    newRound(id, ids.slice(id * ROUND_TOKENS, (id + 1) * ROUND_TOKENS)),
  );
}

/** Has the first so many tokens of the rounds count as computed. */
function markFirst(rounds: readonly Round[], tokens: number): void {
  let left = tokens;
  for (const round of rounds) {
    const some = Math.min(left, round.tokens.length);
    markComputed(round, some);
    left -= some;
  }
}

function limits(maxTokens: number) {
  return { stopTokens: new Set<number>(), maxTokens };
}

function averageOf(
  before: WorkCounts,
  after: WorkCounts,
  steps: number,
): WorkCounts {
  const average = { ...after };
  for (const key of Object.keys(average) as (keyof WorkCounts)[]) {
    average[key] = (after[key] - before[key]) / steps;
  }
  return average;
}
