/**
 * Brings halves of rounds back to the GPU. What is there is kept, what is stored is restored, and what is
 * neither is computed again from its tokens: the scheduler (restore-or-recompute.ts) decides, here it is done.
 */
import type { Round } from "../../memory/round";
import type { Half } from "../../util/kv-half";
import { isResident, pendingTokens } from "../../memory/round";
import type { Residency } from "../../memory/residency";
import type { TransferMode } from "../../memory/matrix-group";
import { restoreHalf } from "../../memory/segment-transfer";
import type { RestoreReport } from "../api/receipt";
import { type FrameRequest, framesFor } from "../run/attention-frame";
import { pendingSpans, rowCount, type Runner } from "../run/runner";
import { planHalf, type Rates } from "./restore-or-recompute";

/** A stored half as the store hands it out. */
export interface StoredHalf {
  payload: Uint8Array;
  mode: TransferMode;
}

/** Where stored halves come from. Never rejects because of what is stored. */
export interface SegmentSource {
  /** `dropped`: it was there, and of no use. */
  read(round: Round, half: Half): Promise<StoredHalf | "missing" | "dropped">;
}

/** Segments that are read ahead of the one being uploaded. */
const READ_AHEAD = 3;

export function newReport(): RestoreReport {
  return {
    keptTokens: 0,
    restoredTokens: 0,
    recomputedTokens: 0,
    droppedSegments: 0,
  };
}

export class Recall {
  readonly #runner: Runner;
  readonly #residency: Residency;
  readonly #rates: Rates;

  constructor(runner: Runner, residency: Residency, rates: Rates) {
    this.#runner = runner;
    this.#residency = residency;
    this.#rates = rates;
  }

  /**
   * Keeps or restores a half of each of these rounds, which are pinned, and gives pages to those whose
   * KV must be computed. Yields each round that came from the store.
   *
   * @throws OutOfMemoryError, DeviceLostError
   */
  async *restore(
    rounds: readonly Round[],
    half: Half,
    source: SegmentSource,
    report: RestoreReport,
  ): AsyncGenerator<Round, void> {
    const wanted: Round[] = [];
    for (const round of rounds) {
      const { action } = this.#plan(round, half);
      if (action === "restore") wanted.push(round);
      else if (action === "keep") report.keptTokens += round.tokens.length;
    }

    const start = performance.now();
    let bytes = 0;
    const reading = wanted
      .slice(0, READ_AHEAD)
      .map((round) => source.read(round, half));
    for (const [i, round] of wanted.entries()) {
      const ahead = wanted[i + READ_AHEAD];
      if (ahead) reading.push(source.read(ahead, half));
      const found = await reading.shift()!;
      if (typeof found === "string") {
        round[half].storedBytes = 0;
        report.droppedSegments += Number(found === "dropped");
        continue;
      }
      await this.#fill(round, half, found);
      bytes += found.payload.length;
      report.restoredTokens += round.tokens.length;
      yield round;
    }
    this.#rates.restored(bytes, performance.now() - start);

    for (const round of rounds) {
      report.recomputedTokens += pendingTokens(round, half);
      await this.#residency.give(round, half);
    }
  }

  /**
   * Computes what these rounds lack of a half, in the order of the chat; they have their pages. An upper
   * half takes all layers, for it begins where the lower one ends. Yields rows done, times layers.
   *
   * @throws OutOfMemoryError, DeviceLostError
   */
  async *recompute(
    rounds: readonly Round[],
    half: Half,
    request: Omit<FrameRequest, "own" | "ownTokens">,
  ): AsyncGenerator<number, void> {
    const runner = this.#runner;
    const missing = rounds.filter((round) => !isResident(round, half));
    if (missing.length === 0) return;
    const layers =
      half === "lower" ? runner.layersOf("lower") : runner.allLayers;
    const layerCount = layers.to - layers.from;
    let before = 0;
    for (const { frame, own } of framesFor(missing, request)) {
      const rows = pendingSpans(own, half);
      for await (const done of runner.prefill({ frame, rows, layers }))
        yield (before + done) * layerCount;
      before += rowCount(rows);
      yield before * layerCount;
    }
  }

  #plan(round: Round, half: Half) {
    const kv = round[half];
    const { lower } = this.#runner.cache;
    const { layerCount } = this.#runner;
    const layers = half === "lower" ? lower.layerCount : layerCount;
    return planHalf(
      {
        isResident: isResident(round, half),
        storedBytes: kv.storedBytes,
        tokens: round.tokens.length,
        layerShare: layers / layerCount,
      },
      this.#rates,
    );
  }

  async #fill(
    round: Round,
    half: Half,
    { payload, mode }: StoredHalf,
  ): Promise<void> {
    const { gpu, cache } = this.#runner;
    const kv = round[half];
    await this.#residency.give(round, half);
    await restoreHalf(gpu, cache[half], kv.pages, payload, mode);
    kv.computedTokens = round.tokens.length;
  }
}
