/** The pages of both halves on the GPU: pools, buffers and page tables, within a budget of bytes. */
import type { BufferRequest, Gpu } from "../gpu/gpu";
import { OutOfMemoryError } from "../util/errors";
import { divideBudget } from "./budget";
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
}

/** Keys and values of one layer: [page][kv_head][16][head_dim]. They exist once the half has grown. */
export interface LayerPages {
  k: GPUBuffer;
  v: GPUBuffer;
}

/** A buffer with room for each page of a half's pool, and the object that holds it. */
interface Place extends Pick<BufferRequest, "label" | "memoryClass"> {
  pageBytes: number;
  /** Undefined before the half has grown. */
  buffer: GPUBuffer | undefined;
  put: (made: GPUBuffer) => void;
}

export class KvHalf {
  readonly half: Half;
  readonly shape: KvShape;
  readonly pool = new PagePool();
  /** First layer of the half; layers[i] belongs to layer firstLayer + i. */
  readonly firstLayer: number;
  readonly layerCount: number;
  /** Bytes of a page over all layers of the half. */
  readonly pageBytes: number;
  readonly layers: LayerPages[];
  /** The half's page table, with as many entries as there are pages. */
  table!: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #matrixBytes: number;
  /** A pool size that the GPU had no room for. */
  #tooManyPages = Infinity;

  constructor(gpu: Gpu, half: Half, shape: KvShape) {
    this.#gpu = gpu;
    this.half = half;
    this.shape = shape;
    const lowerLayers = shape.watershed + 1;
    this.firstLayer = half === "lower" ? 0 : lowerLayers;
    this.layerCount =
      half === "lower" ? lowerLayers : shape.layerCount - lowerLayers;
    this.#matrixBytes =
      shape.kvHeads *
      PAGE_TOKENS *
      shape.headDim *
      (shape.format === "f16" ? 2 : 4);
    this.pageBytes = this.layerCount * 2 * this.#matrixBytes;
    this.layers = Array.from(
      { length: this.layerCount },
      () => ({}) as LayerPages,
    );
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
    for (const [i, layer] of this.layers.entries())
      for (const matrix of ["k", "v"] as const)
        yield {
          label: `${this.half} pages, layer ${this.firstLayer + i}, ${matrix}`,
          memoryClass: `${this.half} pages`,
          pageBytes: this.#matrixBytes,
          buffer: layer[matrix],
          put: (made) => (layer[matrix] = made),
        };
    yield {
      label: `${this.half} page table`,
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
    const made = this.layers.flatMap(({ k, v }) => [k, v]);
    for (const buffer of [...made, this.table])
      if (buffer) this.#gpu.destroyBuffer(buffer);
  }
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

  /** Pages of a half that are still available. */
  roomFor(half: Half): number {
    return this.limits[half] - this[half].usedPages;
  }

  /**
   * Ensures that so many pages are free. The pools double as they grow, if there is room.
   *
   * @throws OutOfMemoryError if the budget or the GPU has no room
   */
  async reserve(pages: PageCounts): Promise<void> {
    for (const half of HALVES) {
      const { pool, usedPages } = this[half];
      const needed = usedPages + pages[half];
      if (needed > this.limits[half]) {
        throw new OutOfMemoryError(
          `The turn needs ${pages[half]} more pages of ${half} KV; the memory budget holds ${this.limits[half]} pages of ${PAGE_TOKENS} tokens. Raise the budget, or shorten the message.`,
        );
      }
      if (needed <= pool.pageCount) continue;
      try {
        await this[half].growFor(needed, this.limits[half]);
      } finally {
        this.generation++;
      }
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
      if (this[half].pool.pageCount > limits[half]) return false;
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
