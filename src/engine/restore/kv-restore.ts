/**
 * Brings halves of rounds back to the GPU. A resident half is kept, a stored one restored, any other recomputed
 * from its tokens: restore-or-recompute.ts decides, this file carries it out.
 */
import {
  clearStored,
  isStoredAsItIs,
  type KvOrigin,
  newGeneration,
  noteRestored,
  UNKNOWN_ORIGIN,
} from "../../memory/half-kv";
import type { Round } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";
import { isReadable, isResident, pendingTokens } from "../../memory/round";
import type { Residency } from "../../memory/residency";
import type { TransferMode } from "../../memory/matrix-group";
import { restoreHalf } from "../../memory/segment-transfer";
import type { RestoreReport } from "../api/receipt";
import {
  farRounds,
  type FrameRequest,
  framesFor,
  type RecomputePass,
} from "../run/attention-frame";
import { pendingSpans, rowCount, type Runner } from "../run/runner";
import { planHalf, type Rates } from "./restore-or-recompute";

/** A stored half as the store returns it. */
export interface StoredHalf {
  payload: Uint8Array;
  mode: TransferMode;
  /** What it was computed behind; undefined if the segment does not say. */
  origin?: KvOrigin | undefined;
}

/** A source of stored halves. Never rejects because of what is stored. */
export interface SegmentSource {
  /** `dropped`: there was one, but it was unusable. */
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

export class KvRestorer {
  readonly #runner: Runner;
  readonly #residency: Residency;
  readonly #rates: Rates;

  constructor(runner: Runner, residency: Residency, rates: Rates) {
    this.#runner = runner;
    this.#residency = residency;
    this.#rates = rates;
  }

  /**
   * Keeps or restores a half of each of these rounds, which are pinned, and gives pages to those whose KV must be
   * recomputed. Yields each restored round.
   *
   * @param far rounds whose local layers are not read: they are neither restored nor given pages
   * @throws OutOfMemoryError, DeviceLostError
   */
  async *restore(
    rounds: readonly Round[],
    half: Half,
    source: SegmentSource,
    report: RestoreReport,
    far: ReadonlySet<Round> = new Set(),
  ): AsyncGenerator<Round, void> {
    const wanted: Round[] = [];
    for (const round of rounds) {
      const lacks = this.#dropUnlessWhole(round, half, far);
      const { action } = this.#plan(round, half);
      if (lacks || action === "restore") wanted.push(round);
      else if (action === "keep") report.keptTokens += round.tokens.length;
    }

    const start = performance.now();
    let bytes = 0;
    const read = (round: Round) => {
      const { stored } = round[half];
      const before = { ...stored };
      return { round, before, found: source.read(round, half) };
    };
    const reading = wanted.slice(0, READ_AHEAD).map(read);
    for (const i of wanted.keys()) {
      const ahead = wanted[i + READ_AHEAD];
      if (ahead) reading.push(read(ahead));
      const { round, before, found } = reading.shift()!;
      const { stored } = round[half];
      const segment = await found;
      // Other content may have been written meanwhile.
      const isSame = stored.generation === before.generation;
      if (typeof segment === "string") {
        if (isSame) clearStored(stored);
        report.droppedSegments += Number(segment === "dropped");
        this.#dropUnlessWhole(round, half, far);
        continue;
      }
      const lacks = this.#dropUnlessWhole(round, half, far);
      if (lacks) await this.#fillLocal(round, half, segment);
      else {
        round[half].lacksLocal = this.#hasLocal(half) && far.has(round);
        await this.#fill(round, half, segment);
        noteRestored(round[half], round.tokens.length, {
          generation: isSame ? before.generation : newGeneration(),
          origin: segment.origin ?? before.origin ?? UNKNOWN_ORIGIN,
        });
      }
      bytes += segment.payload.length;
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
   * Recomputes the missing KV of a half, in chat order; the rounds have their pages. An upper half runs all
   * layers, because it begins where the lower one ends. Yields rows done, times layers.
   *
   * @param source of the local layers that the missing rounds read
   * @param onLost called with a round that is computed again although it had KV: that of its local layers is lost
   * @throws OutOfMemoryError, DeviceLostError
   */
  async *recompute(
    rounds: readonly Round[],
    half: Half,
    request: Omit<FrameRequest, "own" | "ownTokens">,
    source: SegmentSource,
    onLost: (round: Round) => void = () => undefined,
  ): AsyncGenerator<number, void> {
    const runner = this.#runner;
    const missing = rounds.filter((round) => !isResident(round, half));
    if (missing.length === 0) return;
    const layers =
      half === "lower" ? runner.layersOf("lower") : runner.allLayers;
    const layerCount = layers.to - layers.from;
    let before = 0;
    const passes = await this.#passesFor(
      missing,
      half,
      request,
      source,
      onLost,
    );
    for (const { frame, own } of passes) {
      const rows = pendingSpans(own, half);
      // Lower layers read no upper halves, which may have no pages yet.
      const read = half === "lower" ? { ...frame, upper: [] } : frame;
      for await (const done of runner.prefill({ frame: read, rows, layers }))
        yield (before + done) * layerCount;
      before += rowCount(rows);
      yield before * layerCount;
    }
  }

  /**
   * The passes that compute rounds, once what their local layers read is resident: restored, or computed in the same
   * passes.
   */
  async #passesFor(
    missing: readonly Round[],
    half: Half,
    request: Omit<FrameRequest, "own" | "ownTokens">,
    source: SegmentSource,
    onLost: (round: Round) => void,
  ): Promise<Iterable<RecomputePass>> {
    const { window } = this.#runner.cache;
    if (window === undefined) return framesFor(missing, request);
    const halves = half === "lower" ? [half] : HALVES;
    for (const all = new Set(missing); ;) {
      const inOrder = request.history.filter((round) => all.has(round));
      const passes = [...framesFor(inOrder, { ...request, window })];
      const lost = new Set<Round>();
      for (const { frame } of passes)
        for (const one of halves) {
          const far = farRounds(frame, one);
          const lacking = frame[one]
            .map(({ round }) => round)
            .filter((round) => round[one].lacksLocal && !far.has(round));
          const restored = this.restore(lacking, one, source, newReport());
          for await (const _ of restored) void _;
          for (const round of lacking)
            if (!isResident(round, one)) lost.add(round);
        }
      if (lost.size === 0) return passes;
      for (const round of lost) {
        onLost(round);
        // All of its rows go through the layers.
        for (const one of halves) {
          this.#residency.clear(round, one);
          await this.#residency.give(round, one);
        }
        all.add(round);
      }
    }
  }

  /**
   * Drops a half whose local layers are needed and lost: its segment has other content, or is gone.
   *
   * @returns whether its local layers alone are to be restored
   */
  #dropUnlessWhole(round: Round, half: Half, far: ReadonlySet<Round>): boolean {
    if (isReadable(round, half, !far.has(round))) return false;
    if (!isResident(round, half)) return false;
    if (isStoredAsItIs(round[half])) return true;
    this.#residency.clear(round, half);
    return false;
  }

  #hasLocal(half: Half): boolean {
    return this.#runner.cache[half].local !== undefined;
  }

  #plan(round: Round, half: Half) {
    const kv = round[half];
    const { lower } = this.#runner.cache;
    const { layerCount } = this.#runner;
    const layers = half === "lower" ? lower.layerCount : layerCount;
    return planHalf(
      {
        isResident: isResident(round, half),
        storedBytes: kv.stored.bytes,
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
    await restoreHalf(
      gpu,
      cache[half],
      kv.pages,
      payload,
      mode,
      kv.localPages,
      kv.lacksLocal ? "all but local" : "all",
    );
  }

  /** The rest of a half whose other layers are resident. */
  async #fillLocal(
    round: Round,
    half: Half,
    { payload, mode }: StoredHalf,
  ): Promise<void> {
    const { gpu, cache } = this.#runner;
    const kv = round[half];
    try {
      await this.#residency.give(round, half, round.tokens.length, true);
      await restoreHalf(
        gpu,
        cache[half],
        kv.pages,
        payload,
        mode,
        kv.localPages,
        "local",
      );
      kv.lacksLocal = false;
    } catch (error) {
      this.#residency.trim(round, half);
      throw error;
    }
  }
}
