/** The pages of both halves on the GPU: pools, buffers and page tables, within a budget of bytes. */
import type { BufferRequest, Gpu } from "../gpu/gpu";
import { OutOfMemoryError } from "../util/errors";
import { divideBudget } from "./budget";
import type { HalfPages } from "./half-kv";
import { PAGE_ENTRY_WORDS, PAGE_TOKENS, PagePool } from "./page-pool";
import { type Half, HALVES } from "../util/kv-half";

/** Element type of resident keys and values. */
export type KvFormat = "f32" | "f16";

export interface KvShape {
  layerCount: number;
  /** Layers 0..watershed are the lower half. */
  watershed: number;
  kvHeads: number;
  headDim: number;
  format: KvFormat;
  /** By layer: the most tokens that a row attends to; null: all. Default: null for every layer. */
  windows?: readonly (number | null)[] | undefined;
}

/** Keys and values of one layer: [page][kv_head][16][head_dim]. They exist once the half has grown. */
export interface LayerPages {
  k: GPUBuffer;
  v: GPUBuffer;
}

/** A buffer with room for each page of a pool, and the object that holds it. */
interface Place extends Pick<BufferRequest, "label" | "memoryClass"> {
  pageBytes: number;
  /** Undefined before the pool has grown. */
  buffer: GPUBuffer | undefined;
  put: (made: GPUBuffer) => void;
}

/** Pages of some layers of a half, with one buffer for K and one for V of each layer. */
export class LayerPool {
  readonly pool = new PagePool();
  /** Bytes of a page over these layers. */
  readonly pageBytes: number;
  readonly layers: ReadonlyMap<number, LayerPages>;
  /** The page table, with as many entries as there are pages. */
  table!: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #half: Half;
  readonly #tableLabel: string;
  readonly #matrixBytes: number;
  /** A pool size that the GPU had no room for. */
  #tooManyPages = Infinity;

  constructor(
    gpu: Gpu,
    half: Half,
    layers: readonly number[],
    { kvHeads, headDim, format }: KvShape,
    tableLabel: string,
  ) {
    this.#gpu = gpu;
    this.#half = half;
    this.#tableLabel = tableLabel;
    this.#matrixBytes =
      kvHeads * PAGE_TOKENS * headDim * (format === "f16" ? 2 : 4);
    this.pageBytes = layers.length * 2 * this.#matrixBytes;
    this.layers = new Map(layers.map((layer) => [layer, {} as LayerPages]));
  }

  get usedPages(): number {
    return this.pool.pageCount - this.pool.freePages;
  }

  /**
   * Makes room for `needed` pages in all, keeping their content. The pool doubles, to at most `limit` pages; if
   * the GPU has no room for that, it grows by what is needed.
   *
   * @throws OutOfMemoryError; the pool is then as large as it was
   */
  async growFor(needed: number, limit: number): Promise<void> {
    const wanted = pagesToGrowTo({
      pageCount: this.pool.pageCount,
      needed,
      limit,
      tooMany: this.#tooManyPages,
    });
    try {
      await this.#resize(wanted);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || wanted === needed)
        throw error;
      await this.#resize(needed);
    }
  }

  /**
   * Grows all buffers to `pages`. If that throws, buffers are cut back to the pool's size, as far as the GPU
   * allows.
   */
  async #resize(pageCount: number): Promise<void> {
    try {
      for (const place of this.#places())
        await this.#replace(place, pageCount, this.pool.pageCount);
    } catch (error) {
      this.#tooManyPages = pageCount;
      await this.#shrink();
      throw error;
    }
    this.pool.grow(pageCount);
    // The GPU has more room now than when that size failed.
    if (pageCount >= this.#tooManyPages) this.#tooManyPages = Infinity;
  }

  /** Shrinks buffers that are larger than the pool. */
  async #shrink(): Promise<void> {
    const { pageCount } = this.pool;
    try {
      for (const place of this.#places())
        if (place.buffer && place.buffer.size > pageCount * place.pageBytes)
          await this.#replace(place, pageCount, pageCount);
    } catch {
      // A buffer that is too large holds the pages just as well.
    }
  }

  /** Every buffer that grows with the pool, one after the other. */
  *#places(): Generator<Place, void> {
    for (const [l, layer] of this.layers)
      for (const matrix of ["k", "v"] as const)
        yield {
          label: `${this.#half} pages, layer ${l}, ${matrix}`,
          memoryClass: `${this.#half} pages`,
          pageBytes: this.#matrixBytes,
          buffer: layer[matrix],
          put: (made) => (layer[matrix] = made),
        };
    yield {
      label: this.#tableLabel,
      memoryClass: "activations",
      pageBytes: PAGE_ENTRY_WORDS * 4,
      buffer: this.table,
      put: (made) => (this.table = made),
    };
  }

  /**
   * Replaces a buffer by one of another size with the same content, and destroys the old one at once: transfers
   * run meanwhile, and must only find live buffers. So at most one buffer exists twice at any time.
   */
  async #replace(
    { buffer: old, put, pageBytes, ...request }: Place,
    pageCount: number,
    usedPages: number,
  ): Promise<void> {
    const gpu = this.#gpu;
    const bytes = pageCount * pageBytes;
    const made = await gpu.allocating(
      `${bytes} bytes of ${request.label}`,
      () => gpu.buffer({ ...request, bytes }),
    );
    if (old)
      gpu.copy(`resize ${request.label}`, [
        { from: old, to: made, bytes: usedPages * pageBytes },
      ]);
    put(made);
    if (old) gpu.destroyBuffer(old);
  }

  destroy(): void {
    const made = [...this.layers.values()].flatMap(({ k, v }) => [k, v]);
    for (const buffer of [...made, this.table])
      if (buffer) this.#gpu.destroyBuffer(buffer);
  }
}

/**
 * The pages of one half. Where some of its layers have windows and others do not, those with windows are *local*:
 * their pages are a pool of their own, because they need none for a round that is beyond the window.
 *
 *     main    pages of every round whose half is resident     layers that attend to all tokens
 *     local   pages of those that a window still reaches      layers with a window
 */
export class KvHalf {
  readonly half: Half;
  readonly shape: KvShape;
  /** First layer of the half; layers[i] belongs to layer firstLayer + i. */
  readonly firstLayer: number;
  readonly layerCount: number;
  readonly layers: readonly LayerPages[];
  /** Of all layers, except local ones. */
  readonly main: LayerPool;
  readonly local: LayerPool | undefined;
  /** The largest window of the local layers. */
  readonly window: number | undefined;

  constructor(gpu: Gpu, half: Half, shape: KvShape) {
    this.half = half;
    this.shape = shape;
    const lowerLayers = shape.watershed + 1;
    this.firstLayer = half === "lower" ? 0 : lowerLayers;
    this.layerCount =
      half === "lower" ? lowerLayers : shape.layerCount - lowerLayers;
    const all = Array.from(
      { length: this.layerCount },
      (_, i) => this.firstLayer + i,
    );
    const local = localLayers(half, all, shape);
    const main = all.filter((layer) => !local.includes(layer));
    this.main = new LayerPool(gpu, half, main, shape, `${half} page table`);
    if (local.length > 0) {
      const label = `${half} page table of local layers`;
      this.local = new LayerPool(gpu, half, local, shape, label);
      this.window = Math.max(...local.map((layer) => shape.windows![layer]!));
    }
    this.layers = all.map((layer) => this.poolOf(layer).layers.get(layer)!);
  }

  get pool(): PagePool {
    return this.main.pool;
  }

  get table(): GPUBuffer {
    return this.main.table;
  }

  get usedPages(): number {
    return this.main.usedPages;
  }

  /** Bytes of a page over all layers of the half. */
  get pageBytes(): number {
    return this.main.pageBytes + (this.local?.pageBytes ?? 0);
  }

  /** @param layer of this half */
  isLocal(layer: number): boolean {
    return this.local?.layers.has(layer) ?? false;
  }

  /** The pages that a layer is in. */
  poolOf(layer: number): LayerPool {
    return this.isLocal(layer) ? this.local! : this.main;
  }

  /** Bytes of a round's pages. */
  bytesOf({ pages, localPages }: HalfPages): number {
    const localBytes = this.local?.pageBytes ?? 0;
    return pages.length * this.main.pageBytes + localPages.length * localBytes;
  }

  destroy(): void {
    this.main.destroy();
    this.local?.destroy();
  }
}

/** Layers of a half whose pages lie apart; none if all of them have a window. */
function localLayers(
  half: Half,
  layers: readonly number[],
  { windows, watershed }: KvShape,
): number[] {
  if (!windows) return [];
  const local = layers.filter((layer) => windows[layer] !== null);
  // Mass and relevance are read at the watershed, over all rounds.
  const isReadWhole = half === "lower" && local.includes(watershed);
  return isReadWhole || local.length === layers.length ? [] : local;
}

/** Pages by half. */
export type PageCounts = Record<Half, number>;

export class KvCache {
  readonly lower: KvHalf;
  readonly upper: KvHalf;
  /** How far the pools may grow. */
  limits: PageCounts;
  /** Changes whenever the buffers do: dispatches recorded against them must then be recorded again. */
  generation = 0;
  /** The most bytes of the pages of both halves, also while pools grow. */
  budgetBytes: number;

  /** @param upperShare upper pages per lower page; see divideBudget */
  constructor(
    gpu: Gpu,
    shape: KvShape,
    budgetBytes: number,
    upperShare?: number,
  ) {
    this.budgetBytes = budgetBytes;
    this.lower = new KvHalf(gpu, "lower", shape);
    this.upper = new KvHalf(gpu, "upper", shape);
    this.limits = divideBudget({
      budgetBytes,
      pageBytes: { lower: this.lower.pageBytes, upper: this.upper.pageBytes },
      layerCounts: {
        lower: this.lower.layerCount,
        upper: this.upper.layerCount,
      },
      bufferBytes: gpu.bindingBytes,
      upperShare,
    });
  }

  /** Bytes that one token of a chat takes. */
  get tokenBytes(): number {
    return (this.lower.pageBytes + this.upper.pageBytes) / PAGE_TOKENS;
  }

  /** The half that a layer is in. */
  halfOf(layer: number): KvHalf {
    return layer < this.upper.firstLayer ? this.lower : this.upper;
  }

  /** The farthest that a local layer sees; undefined in a model without such. */
  get window(): number | undefined {
    const windows = HALVES.flatMap((half) => this[half].window ?? []);
    return windows.length > 0 ? Math.max(...windows) : undefined;
  }

  /** Pages of a half that are still available. Local layers never need more. */
  roomFor(half: Half): number {
    return this.limits[half] - this[half].usedPages;
  }

  /**
   * Ensures that so many pages are free. The pools double as they grow, if there is room.
   *
   * @param local so many of local layers, of rounds that have pages in the other layers, or get them here
   * @throws OutOfMemoryError if the budget or the GPU has no room
   */
  async reserve(pages: PageCounts, local = pages): Promise<void> {
    for (const half of HALVES) {
      const { main, usedPages } = this[half];
      const needed = usedPages + pages[half];
      if (needed > this.limits[half]) {
        throw new OutOfMemoryError(
          `The turn needs ${pages[half]} more pages of ${half} KV; the memory budget holds ${this.limits[half]} pages of ${PAGE_TOKENS} tokens. Raise the budget, or shorten the message.`,
        );
      }
      await this.#grow(main, needed, half);
      const apart = this[half].local;
      if (apart) await this.#grow(apart, apart.usedPages + local[half], half);
    }
  }

  async #grow(pool: LayerPool, needed: number, half: Half): Promise<void> {
    if (needed <= pool.pool.pageCount) return;
    try {
      await pool.growFor(needed, this.limits[half]);
    } finally {
      this.generation++;
    }
  }

  /**
   * Leaves a share of the budget to others.
   *
   * @returns false if the pools are too large for that already; then nothing changes
   */
  giveUp(share: number): boolean {
    const limits = { ...this.limits };
    for (const half of HALVES) {
      limits[half] = Math.floor((1 - share) * limits[half]);
      const { main, local } = this[half];
      const counts = [main, local].map((pool) => pool?.pool.pageCount ?? 0);
      if (Math.max(...counts) > limits[half]) return false;
    }
    this.limits = limits;
    this.budgetBytes = Math.floor((1 - share) * this.budgetBytes);
    return true;
  }

  destroy(): void {
    this.lower.destroy();
    this.upper.destroy();
  }
}

/** Initial pages: 1,024 tokens. */
const FIRST_PAGES = 64;

/**
 * The new size of a pool that needs `needed` pages: twice that, so that growing stays rare. If that size failed
 * before, halfway there: each failure costs copies of the content.
 */
function pagesToGrowTo({
  pageCount,
  needed,
  limit,
  tooMany,
}: {
  pageCount: number;
  needed: number;
  limit: number;
  tooMany: number;
}): number {
  const halfway = Math.floor((pageCount + tooMany) / 2);
  const wanted = Math.min(Math.max(FIRST_PAGES, 2 * pageCount), halfway);
  return Math.min(Math.max(wanted, needed), limit);
}
