/** Submits steps of a network: rows through some layers in slices, decode one row at a time. Knows pages and positions, not text. */
import type { Copy, Gpu, Pass } from "../../gpu/gpu";
import { readBuffer } from "../../gpu/readback";
import type { KvCache } from "../../memory/kv-cache";
import { type HalfPages, noteComputed } from "../../memory/half-kv";
import {
  PAGE_ENTRY_WORDS,
  PAGE_TOKENS,
  pagesFor,
} from "../../memory/page-pool";
import {
  pageEntry,
  pageTable,
  type PlacedRound,
  withinWindows,
} from "../../memory/page-table";
import { type Round, slotsOf } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";
import { strideOf } from "../../model/weights/matrix-format";
import type { LayerRange, Decoder } from "../../model/network/decoder";
import type { DrawSettings } from "../../model/network/sampler-buffer";
import {
  SAMPLED,
  type StepRow,
  type TableSizes,
} from "../../model/network/step";
import { ROW_CAPACITY } from "../../model/network/workspace";
import type { Frame } from "./attention-frame";
import { MassReader } from "./mass-reader";
import { PrefillPace } from "./prefill-pace";
import { RelevanceReader } from "./relevance-reader";
import type { ScoreReader, UnitScores } from "./score-reader";

/** Tokens `from`..`to - 1` of a round, as rows of a pass. */
export interface Span {
  placed: PlacedRound;
  from: number;
  to: number;
}

/** Rows through some layers. */
export interface Prefill {
  /** What the rows attend to; its pages must be resident. */
  frame: Frame;
  rows: readonly Span[];
  /** Default: all. */
  layers?: LayerRange;
  /** Keeps the rows' residual stream after the last layer, for a prefill that continues there with some of them. */
  keepsResidual?: boolean;
  /** If layers don't begin at 0: indexes of the kept rows to continue with, rising. Default: all of them. */
  keptRows?: readonly number[];
  /** Also computes K and V of the layer after the last one, and scores all keys there by the last so many rows. */
  relevanceRows?: number;
  /** Reads attention mass at the last layer over the last so many rows. */
  massRows?: number;
  /** Scores units by heads of these layers, for rows that the last span has. The runner's reader must be there. */
  scores?: UnitScores;
  /** Draws a token from the last row's logits. */
  first?: FirstDraw;
}

/** A step that draws a token. */
export interface TokenDraw {
  /** Number of the draw within the reply. */
  index: number;
  copies: readonly Copy[];
  /** Dispatches behind the sampler. */
  add?: ((pass: Pass) => void) | undefined;
}

/** The first of a reply: all others draw as it does. */
export interface FirstDraw extends TokenDraw {
  settings: DrawSettings;
}

/** Called with the time that rows took. */
export type PaceListener = (rows: number, layers: number, ms: number) => void;

export class Runner {
  readonly gpu: Gpu;
  readonly decoder: Decoder;
  readonly cache: KvCache;
  readonly layerCount: number;
  readonly mass: MassReader;
  readonly relevance: RelevanceReader;
  /** What reads scores of units; `scoreReaderOf` makes it when the first ones are wanted. */
  scores: ScoreReader | undefined;
  readonly #pace = new PrefillPace(ROW_CAPACITY);
  readonly #onPace: PaceListener;
  /** Residual stream of kept rows. */
  #kept: GPUBuffer | undefined;
  /** Rows of the last submit of a prefill. */
  #lastRows = 0;

  constructor(
    gpu: Gpu,
    decoder: Decoder,
    cache: KvCache,
    onPace: PaceListener = () => undefined,
  ) {
    this.gpu = gpu;
    this.decoder = decoder;
    this.cache = cache;
    this.layerCount = cache.lower.layerCount + cache.upper.layerCount;
    this.mass = new MassReader(gpu, decoder);
    this.relevance = new RelevanceReader(gpu, decoder);
    this.#onPace = onPace;
  }

  get allLayers(): LayerRange {
    return { from: 0, to: this.layerCount };
  }

  /** The layers of a half. */
  layersOf(half: Half): LayerRange {
    const { firstLayer, layerCount } = this.cache[half];
    return { from: firstLayer, to: firstLayer + layerCount };
  }

  /**
   * Runs rows through layers, in order. After each submit but the last, yields the number of rows done, once the
   * GPU has finished it. The caller may stop there; what is done stays done.
   *
   * @throws OutOfMemoryError, DeviceLostError; RangeError for scores of rows or layers that are not run
   */
  async *prefill({
    frame,
    rows: spans,
    layers = this.allLayers,
    keepsResidual = false,
    keptRows,
    relevanceRows,
    massRows = 0,
    scores,
    first,
  }: Prefill): AsyncGenerator<number, void> {
    const { gpu, decoder } = this;
    const rows = spans.flatMap(rowsOf);
    const total = rows.length;
    if (total === 0) return;
    const resumes = layers.from > 0;
    const stride = 4 * strideOf(decoder.hiddenSize);
    if (keepsResidual) await this.#keep(total * stride);
    const writesNext = relevanceRows !== undefined;
    this.#expectPages(frame, spans, {
      ...layers,
      to: layers.to + Number(writesNext),
    });
    const keys = this.writeTables(frame, total);
    const askedRows = relevanceRows ?? massRows;
    let capacity = total;
    if (writesNext) capacity = await this.relevance.begin(keys.lowerPages);
    else if (massRows > 0)
      capacity = await this.mass.begin(this.#pagesAt(layers.to - 1, keys));
    const lastSpan = spans.at(-1)!;
    const reader = scores && this.scores!;
    if (scores)
      capacity = Math.min(
        capacity,
        await reader!.begin(scores, lastSpan, layers),
      );

    for (let done = 0; done < total;) {
      const fitting = this.#pace.nextRows(total - done);
      const count = Math.min(fitting, capacity);
      const slice = rows.slice(done, done + count);
      const end = done + count;
      const drawing = end === total ? first : undefined;
      const asked = Math.max(0, end - Math.max(done, total - askedRows));
      decoder.workspace.step.write({
        rows: slice.map(({ row }) => row),
        askedRows: drawing ? 1 : asked,
        ...keys,
        draw: drawing?.index,
      });
      if (drawing) decoder.workspace.sampler.write(drawing.settings);
      const { residual } = decoder.workspace;
      const copies = [...(drawing?.copies ?? [])];
      if (resumes) {
        const wanted = keptRows?.slice(done, end) ?? range(done, end);
        gpu.copy("resume rows", this.#resume(wanted, stride));
      }
      if (keepsResidual) {
        // Rows are compacted to the front, so no row still to come is overwritten.
        const [toOffset, bytes] = [done * stride, count * stride];
        copies.push({ from: residual, to: this.#kept!, toOffset, bytes });
      }
      const isAsked = asked > 0;
      const mass = isAsked && !writesNext ? this.mass.slice() : undefined;
      const relevance =
        isAsked && writesNext ? this.relevance.slice(asked) : undefined;
      // As if all rows were the last round's.
      const place = lastSpan.to - total + done;
      const scoring = reader?.slice(place, count);
      if (mass) copies.push(mass.copy);

      const start = performance.now();
      gpu.submit(
        `prefill ${count} rows`,
        (pass) => {
          if (!resumes) decoder.embed(pass, count);
          decoder.run(pass, layers, count, keys, mass?.request, scoring);
          if (writesNext) decoder.writeKeys(pass, layers.to, count, relevance);
          if (drawing) {
            decoder.head(pass, 1);
            decoder.sample(pass);
            drawing.add?.(pass);
          }
        },
        copies,
      );
      this.#lastRows = count;
      this.#note(slice, layers, layers.to + Number(writesNext));
      if (mass) await this.mass.take(asked);
      done = end;
      if (done < total) {
        await gpu.done();
        const ms = performance.now() - start;
        this.#pace.addSample(count, ms * this.#share(layers));
        this.#onPace(count, layers.to - layers.from, ms);
        yield done;
      }
    }
  }

  /**
   * Runs rows of the frame's last round through all layers. Writes the tables each time, because passes of
   * another frame may come between.
   *
   * @param span of at most ASKED_CAPACITY rows
   * @returns the logits of each of them, as many as the vocabulary has tokens
   * @throws DeviceLostError
   */
  async logits(frame: Frame, span: Span): Promise<Float32Array[]> {
    const { gpu, decoder } = this;
    const slice = rowsOf(span);
    const count = slice.length;
    this.#expectPages(frame, [span], this.allLayers);
    const keys = this.writeTables(frame, count);
    decoder.workspace.step.write({
      rows: slice.map(({ row }) => row),
      askedRows: count,
      ...keys,
    });
    gpu.submit(`logits of ${count} rows`, (pass) => {
      decoder.embed(pass, count);
      decoder.run(pass, this.allLayers, count, keys);
      decoder.head(pass, count);
    });
    this.#lastRows = count;
    this.#note(slice, this.allLayers);
    const stride = strideOf(decoder.vocabSize);
    const bytes = await readBuffer(
      gpu,
      decoder.workspace.logits,
      0,
      4 * stride * count,
    );
    const all = new Float32Array(bytes);
    return slice.map((_, i) =>
      all.subarray(i * stride, i * stride + decoder.vocabSize),
    );
  }

  /** Rows of the last submit of a prefill: a long one takes several. */
  get lastRows(): number {
    return this.#lastRows;
  }

  /**
   * The queries of the last rows of the last submit, at most `lastRows`, at the last layer that it ran:
   * [rows][heads][head_dim], not rotated.
   */
  async queries(rows: number): Promise<Float32Array> {
    const { decoder } = this;
    const { stride, values } = decoder.queryLayout;
    const first = 4 * stride * (this.#lastRows - rows);
    const bytes = await readBuffer(
      this.gpu,
      decoder.workspace.qkv,
      first,
      4 * stride * rows,
    );
    const all = new Float32Array(bytes);
    const queries = new Float32Array(rows * values);
    for (let row = 0; row < rows; row++) {
      const from = row * stride;
      queries.set(all.subarray(from, from + values), row * values);
    }
    return queries;
  }

  /** Writes the page tables for a pass of `rows` rows; returns the step's fields about them. */
  writeTables(frame: Frame, rows: number): Tables {
    const { decoder, gpu, cache } = this;
    const write = (half: Half, isLocal: boolean) => {
      const { main, local } = cache[half];
      const [pool, placed, which] = isLocal
        ? ([local, withinWindows(frame[half]), "localPages"] as const)
        : ([main, frame[half], "pages"] as const);
      if (!pool) return 0;
      const table = pageTable(placed, half, which);
      if (table.length > 0) gpu.write(pool.table, 0, table);
      return table.length / PAGE_ENTRY_WORDS;
    };
    const sizesOf = (isLocal: boolean) => {
      const lowerPages = write("lower", isLocal);
      const upperPages = write("upper", isLocal);
      const lowerSplits = decoder.splitsFor(rows, lowerPages);
      const upperSplits = decoder.splitsFor(rows, upperPages);
      return { lowerPages, upperPages, lowerSplits, upperSplits };
    };
    const sizes = sizesOf(false);
    return cache.window === undefined
      ? sizes
      : { ...sizes, local: sizesOf(true) };
  }

  /** Entries of the page table that a layer reads. */
  #pagesAt(layer: number, tables: Tables): number {
    const half = this.cache.halfOf(layer);
    const { lowerPages, upperPages } = half.isLocal(layer)
      ? tables.local!
      : tables;
    return half.half === "lower" ? lowerPages : upperPages;
  }

  /**
   * Asserts that what local layers read and write has pages, and that they read all that is within a row's window.
   *
   * @throws RangeError
   */
  #expectPages(
    frame: Frame,
    spans: readonly Span[],
    { from, to }: LayerRange,
  ): void {
    for (const half of HALVES) {
      const { firstLayer, layerCount, local, window } = this.cache[half];
      if (!local || to <= firstLayer || from >= firstLayer + layerCount)
        continue;
      const written = spans.map(({ placed }) => placed.round);
      const read = withinWindows(frame[half]).map(({ round }) => round);
      for (const round of new Set([...read, ...written])) {
        const { localPages, lacksLocal } = round[half];
        const wanted = pagesFor(round.tokens.length);
        if (lacksLocal || localPages.length < wanted)
          throw new RangeError(
            `round ${round.id}: ${localPages.length} of ${wanted} pages of the ${half} half's local layers are there`,
          );
      }
      for (const one of frame[half].filter(({ isFar }) => isFar))
        for (const { placed, from: first, to: end } of spans) {
          const { round, base, place = base } = one;
          const reaches = place + round.tokens.length - 1 + window!;
          if (reaches > placed.base + first && base < placed.base + end)
            throw new RangeError(
              `round ${round.id} is within the window of round ${placed.round.id} in the ${half} half, and not read there`,
            );
        }
    }
  }

  /**
   * One decode step: the token drawn last is stored at place `local` of the round, and the next one is drawn. One
   * write, one pass, one submit.
   *
   * @param earlier page table entries of all rounds before
   * @param tokens to store from `local` on, in one page; by default the one drawn last. The next one is drawn behind
   *   the last of them, or not at all
   */
  decode(
    own: PlacedRound,
    local: number,
    earlier: TablePages,
    drawing: TokenDraw | undefined,
    tokens: readonly number[] = [SAMPLED],
  ): void {
    const { gpu, decoder, cache } = this;
    const { local: localPages = earlier } = earlier;
    const index = Math.floor(local / PAGE_TOKENS);
    const rows = tokens.length;
    const sizesOf = ({ lower, upper }: Record<Half, number>) => {
      const lowerPages = lower + index + 1;
      const upperPages = upper + index + 1;
      return {
        lowerPages,
        upperPages,
        lowerSplits: decoder.splitsFor(rows, lowerPages),
        upperSplits: decoder.splitsFor(rows, upperPages),
      };
    };
    const keys: Tables = {
      ...sizesOf(earlier),
      ...(cache.window !== undefined && { local: sizesOf(localPages) }),
    };
    const entry = (half: Half, pages: number, which: keyof HalfPages) => [
      pages + index,
      ...pageEntry(own, half, index, local + rows, which),
    ];
    const entriesOf = (pages: Record<Half, number>, which: keyof HalfPages) =>
      Object.fromEntries(
        HALVES.filter(
          (half) => which === "pages" || cache[half].local !== undefined,
        ).map((half) => [half, entry(half, pages[half], which)]),
      );
    decoder.workspace.step.write({
      rows: tokens.map((token, i) => rowAt(own, local + i, token)),
      askedRows: Number(drawing !== undefined),
      ...keys,
      draw: drawing?.index,
      appended: entriesOf(earlier, "pages") as Record<Half, number[]>,
      appendedLocal: entriesOf(localPages, "localPages"),
    });
    gpu.submit(
      "decode",
      (pass) => {
        decoder.appendPage(pass);
        decoder.embed(pass, rows);
        decoder.run(pass, this.allLayers, rows, keys);
        if (!drawing) return;
        decoder.head(pass, 1);
        decoder.sample(pass);
        drawing.add?.(pass);
      },
      drawing?.copies,
    );
  }

  destroy(): void {
    this.mass.destroy();
    this.relevance.destroy();
    this.scores?.destroy();
    if (this.#kept) this.gpu.destroyBuffer(this.#kept);
  }

  /** Copies kept rows into the workspace, adjacent ones together. */
  #resume(rows: readonly number[], stride: number): Copy[] {
    const { residual } = this.decoder.workspace;
    const copies: Copy[] = [];
    for (let at = 0; at < rows.length;) {
      let end = at + 1;
      while (rows[end] === rows[at]! + end - at) end++;
      copies.push({
        from: this.#kept!,
        fromOffset: rows[at]! * stride,
        to: residual,
        toOffset: at * stride,
        bytes: (end - at) * stride,
      });
      at = end;
    }
    return copies;
  }

  async #keep(bytes: number): Promise<void> {
    if (this.#kept && this.#kept.size >= bytes) return;
    if (this.#kept) this.gpu.destroyBuffer(this.#kept);
    this.#kept = undefined;
    this.#kept = await this.gpu.allocating("the rows of a long message", () =>
      this.gpu.buffer({
        label: "kept residual stream",
        memoryClass: "activations",
        bytes,
      }),
    );
  }

  /**
   * Records the KV that a submit computes.
   *
   * @param written the layer after the last one that gets K and V
   */
  #note(
    slice: readonly PlannedRow[],
    { from, to }: LayerRange,
    written = to,
  ): void {
    for (const half of HALVES) {
      const { from: first, to: end } = this.layersOf(half);
      // A half may have no layers at all.
      if (end <= from || written < Math.min(first + 1, end)) continue;
      // If layers begin within a half, those below were computed before the rows were kept.
      const isWhole = end <= to;
      for (const { round, local } of slice)
        noteComputed(round[half], local, round.context, isWhole);
    }
  }

  /** How much longer the rows would have taken through all layers. */
  #share({ from, to }: LayerRange): number {
    return this.layerCount / Math.max(1, to - from);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Page table entries, by half: of all layers, except local ones; and of those. */
export interface TablePages extends Record<Half, number> {
  /** Default: as many. */
  local?: Record<Half, number>;
}

/** Page table entries of the rounds before a frame's last one. */
export function earlierPages({ lower, upper }: Frame): TablePages {
  const count = (placed: readonly PlacedRound[]) =>
    placed
      .slice(0, -1)
      .reduce((sum, { round }) => sum + pagesFor(round.tokens.length), 0);
  return {
    lower: count(lower),
    upper: count(upper),
    local: {
      lower: count(withinWindows(lower)),
      upper: count(withinWindows(upper)),
    },
  };
}

/** All tokens that lack KV in a half; in either half if none is given. */
export function pendingSpans(
  placed: readonly PlacedRound[],
  half?: Half,
): Span[] {
  return placed
    .map((one) => {
      const { lower, upper, tokens } = one.round;
      const both = Math.min(lower.computedTokens, upper.computedTokens);
      const from = half ? one.round[half].computedTokens : both;
      return { placed: one, from, to: tokens.length };
    })
    .filter(({ from, to }) => from < to);
}

export function rowCount(rows: readonly Span[]): number {
  return rows.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** The page tables of a pass. */
type Tables = TableSizes & { local?: TableSizes };

interface PlannedRow {
  round: Round;
  local: number;
  row: StepRow;
}

function rowsOf({ placed, from, to }: Span): PlannedRow[] {
  const { round } = placed;
  return Array.from({ length: to - from }, (_, i) => ({
    round,
    local: from + i,
    row: rowAt(placed, from + i, round.tokens[from + i]!),
  }));
}

function rowAt(
  { round, base }: PlacedRound,
  local: number,
  token: number,
): StepRow {
  return {
    token,
    position: base + local,
    localPosition: local,
    // A pass through the lower layers alone needs no upper pages.
    ...slotsOf(round, local),
  };
}
