/**
 * Reads what retrieval heads find in rounds: each unit's softmax for each row of a question, over all slices of
 * a prefill.
 */
import type { Gpu } from "../../gpu/gpu";
import { readBuffer } from "../../gpu/readback";
import type { KvCache } from "../../memory/kv-cache";
import { pagesFor } from "../../memory/page-pool";
import type { Round } from "../../memory/round";
import type { IndexHead } from "../../model/config/round-index";
import type { LayerRange } from "../../model/network/decoder";
import type { ScoreRequest } from "../../model/network/score-heads";
import { type Half, HALVES } from "../../util/kv-half";
import {
  type ScoredRows,
  scoredPages,
  scoredSlice,
  type ScoredUnit,
  scoringWords,
  unitTable,
} from "./scoring";
import { type UnitSoftmax, unitSoftmaxOf } from "./unit-softmax";

/** The most rows that are scored. */
export const MOST_SCORED_ROWS = 256;
/** The most bytes of scratch: slices are cut to fit. */
const SCRATCH_BYTES = 64 * 2 ** 20;
/** Of a pair of f32. */
const PAIR_BYTES = 8;
/** Of a `Scoring`. */
const SCORING_BYTES = 28;
/** What buffers are made larger by than is needed. */
const HEADROOM = 1.25;

/** What is scored, by which heads, for which rows. */
export interface UnitScores {
  heads: readonly IndexHead[];
  /** At most 256. */
  rows: ScoredRows;
  /**
   * Rounds that are scored by their keys in the layers' own pages, which they must have in the halves of the
   * heads' layers. The question's own round may be one, with 0 tokens ahead: rows see those before them.
   */
  resident: readonly { round: Round; ahead: number }[];
  /** Units whose keys are in the index. */
  indexed: readonly ScoredUnit[];
  /** [page][heads, in the order above][16][head_dim], in the format of KV. Needed for indexed units. */
  indexKeys?: GPUBuffer | undefined;
}

const BUFFERS = [
  "scoring",
  "lower",
  "upper",
  "unitTable",
  "softmaxes",
  "unitSoftmaxes",
] as const;
type Buffers = Record<(typeof BUFFERS)[number], GPUBuffer>;

/** A scoring that has begun. */
interface Begun {
  request: UnitScores;
  units: number;
  residentPages: number;
  indexedPages: number;
  /** Of the rows, those that were given to the GPU. */
  rowsDone: number;
}

/** A runner's reader of scores, made when it is first wanted. */
export function scoreReaderOf(runner: {
  readonly gpu: Gpu;
  readonly cache: KvCache;
  scores: ScoreReader | undefined;
}): ScoreReader {
  return (runner.scores ??= new ScoreReader(runner.gpu, runner.cache));
}

export class ScoreReader {
  readonly #gpu: Gpu;
  readonly #cache: KvCache;
  #buffers: Buffers | undefined;
  #begun: Begun | undefined;

  constructor(gpu: Gpu, cache: KvCache) {
    this.#gpu = gpu;
    this.#cache = cache;
  }

  /**
   * Starts a new scoring.
   *
   * @param span places of the rows of the question's round that the pass has
   * @param layers that the pass runs
   * @returns rows that a slice may have
   * @throws OutOfMemoryError; RangeError for rows, pages or keys that are not there
   */
  async begin(
    request: UnitScores,
    span: ScoredRows,
    layers: LayerRange,
  ): Promise<number> {
    expectRun(request, span, layers);
    const { heads, rows, resident, indexed, indexKeys } = request;
    const rowCount = rows.to - rows.from;
    if (rows.from < 0 || rowCount < 1 || rowCount > MOST_SCORED_ROWS)
      throw new RangeError(
        `1 to ${MOST_SCORED_ROWS} rows can be scored, not ${rows.from} to ${rows.to}`,
      );
    if (indexed.some(({ tokens }) => tokens > 0) && !indexKeys)
      throw new RangeError(`${indexed.length} units have no keys in an index`);

    const tables = this.#halvesOf(heads).map((half) => {
      const which = this.#areLocal(heads, half) ? "localPages" : "pages";
      const units = resident.map(({ round, ahead }) => ({
        pages: round[half][which],
        tokens: round.tokens.length,
        ahead,
      }));
      return { half, pages: scoredPages([...units, ...indexed]) };
    });
    const lengths = [
      ...resident.map(({ round }) => ({ tokens: round.tokens.length })),
      ...indexed,
    ];
    const units = unitTable(lengths);
    const residentPages = pagesOf(lengths.slice(0, resident.length));
    const indexedPages = pagesOf(indexed);
    const pages = residentPages + indexedPages;
    const fitting = Math.floor(SCRATCH_BYTES / (PAIR_BYTES * pages));
    const capacity = Math.max(1, Math.min(MOST_SCORED_ROWS, fitting));

    this.#begun = undefined;
    const tableBytes = 16 * pages;
    const buffers = await this.#fit({
      scoring: SCORING_BYTES,
      lower: tableBytes,
      upper: tableBytes,
      unitTable: units.byteLength,
      softmaxes: PAIR_BYTES * pages * Math.min(rowCount, capacity),
      unitSoftmaxes: PAIR_BYTES * heads.length * lengths.length * rowCount,
    });
    for (const table of tables)
      this.#gpu.write(buffers[table.half], 0, table.pages);
    this.#gpu.write(buffers.unitTable, 0, units);
    this.#begun = {
      request,
      units: lengths.length,
      residentPages,
      indexedPages,
      rowsDone: 0,
    };
    return capacity;
  }

  /**
   * What a slice asks of the network; undefined if none of its rows is scored. It must be submitted before the next
   * one is asked for.
   *
   * @param first the place of the slice's first row if all rows of the pass were the question's
   * @param count rows of the slice
   */
  slice(first: number, count: number): ScoreRequest | undefined {
    const begun = this.#begun!;
    const { request, residentPages, indexedPages } = begun;
    const slice = scoredSlice(first, count, request.rows);
    if (!slice) return undefined;
    const { scoring, lower, upper, ...buffers } = this.#buffers!;
    this.#gpu.write(scoring, 0, scoringWords(slice, request.rows, begun));
    begun.rowsDone += slice.rows;
    return {
      ...buffers,
      scoring,
      heads: request.heads,
      rows: slice.rows,
      units: begun.units,
      pages: { resident: residentPages, indexed: indexedPages },
      entries: { lower, upper },
      indexKeys: request.indexKeys,
    };
  }

  /**
   * What each head found, once all slices are submitted; units are the resident ones, then those of the index.
   *
   * @throws Error if rows are still to come; DeviceLostError
   */
  async read(): Promise<UnitSoftmax[]> {
    const { request, units, rowsDone } = this.#begun!;
    const { heads } = request;
    const rows = request.rows.to - request.rows.from;
    if (rowsDone !== rows)
      throw new Error(`only ${rowsDone} of ${rows} rows have been scored`);
    const values = 2 * units * rows;
    const all = new Float32Array(
      await readBuffer(
        this.#gpu,
        this.#buffers!.unitSoftmaxes,
        0,
        4 * values * heads.length,
      ),
    );
    return heads.map((_, i) =>
      unitSoftmaxOf(all.subarray(i * values, (i + 1) * values), {
        units,
        rows,
      }),
    );
  }

  destroy(): void {
    this.#begun = undefined;
    if (!this.#buffers) return;
    for (const buffer of Object.values<GPUBuffer>(this.#buffers))
      this.#gpu.destroyBuffer(buffer);
    this.#buffers = undefined;
  }

  /** The halves that heads are in. */
  #halvesOf(heads: readonly IndexHead[]): readonly Half[] {
    const { firstLayer } = this.#cache.upper;
    return HALVES.filter((half) =>
      heads.some(({ layer }) => (half === "upper") === layer >= firstLayer),
    );
  }

  /**
   * Whether the heads of a half are in local layers.
   *
   * @throws RangeError if some are and some are not: one table can't have the pages of both
   */
  #areLocal(heads: readonly IndexHead[], half: Half): boolean {
    const kv = this.#cache[half];
    const layers = heads
      .map(({ layer }) => layer)
      .filter((layer) => this.#cache.halfOf(layer) === kv);
    const local = layers.filter((layer) => kv.isLocal(layer));
    if (local.length > 0 && local.length < layers.length)
      throw new RangeError(
        `heads of layers ${layers.join(", ")} can't score in one pass: some of these layers have windows`,
      );
    return local.length > 0;
  }

  /** Buffers grow with the chat and are reused. */
  async #fit(bytes: Record<keyof Buffers, number>): Promise<Buffers> {
    const gpu = this.#gpu;
    const now = this.#buffers;
    if (now && BUFFERS.every((name) => now[name].size >= bytes[name]))
      return now;
    const sizeOf = (name: keyof Buffers) => {
      const wanted = Math.min(HEADROOM * bytes[name], gpu.bindingBytes);
      return Math.max(bytes[name], wanted, now?.[name].size ?? 0);
    };
    this.destroy();
    const make = (name: keyof Buffers, label: string) =>
      gpu.buffer({ label, memoryClass: "activations", bytes: sizeOf(name) });
    this.#buffers = await gpu.allocating("the scores of rounds", () => ({
      scoring: make("scoring", "rows to score"),
      lower: make("lower", "lower pages to score"),
      upper: make("upper", "upper pages to score"),
      unitTable: make("unitTable", "units to score"),
      softmaxes: make("softmaxes", "scores by page"),
      unitSoftmaxes: make("unitSoftmaxes", "scores by unit"),
    }));
    return this.#buffers;
  }
}

function pagesOf(units: readonly { tokens: number }[]): number {
  return units.reduce((sum, { tokens }) => sum + pagesFor(tokens), 0);
}

/** @throws RangeError if rows or heads that score are not part of a pass */
function expectRun(
  { rows, heads }: UnitScores,
  span: ScoredRows,
  { from, to }: LayerRange,
): void {
  if (rows.from < span.from || rows.to > span.to)
    throw new RangeError(
      `rows ${rows.from} to ${rows.to} can't be scored by a pass that ends with ${span.from} to ${span.to}`,
    );
  const other = heads.find(({ layer }) => layer < from || layer >= to);
  if (other)
    throw new RangeError(
      `a head of layer ${other.layer} can't score in a pass through layers ${from} to ${to - 1}`,
    );
}
