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

/** Keys and values of one layer: [page][kv_head][16][head_dim]. They are there once the half has grown. */
export interface LayerPages {
  k: GPUBuffer;
  v: GPUBuffer;
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
  /** Page table entries, as many as there are pages. */
  table!: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #matrixBytes: number;

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
   * Makes room for `pageCount` pages in all; what is in the pages stays. One matrix after the other, so
   * that never more than one of them is there twice.
   *
   * @throws OutOfMemoryError; the half is then as large as it was
   */
  async grow(pageCount: number): Promise<void> {
    const bytes = pageCount * this.#matrixBytes;
    const usedBytes = this.pool.pageCount * this.#matrixBytes;
    for (const [i, matrices] of this.layers.entries()) {
      for (const matrix of ["k", "v"] as const) {
        const label = `${this.half} pages, layer ${this.firstLayer + i}, ${matrix}`;
        await this.#enlarge(
          matrices[matrix],
          { label, memoryClass: `${this.half} pages`, bytes },
          usedBytes,
          (made) => (matrices[matrix] = made),
        );
      }
    }
    await this.#enlarge(
      this.table,
      {
        label: `${this.half} page table`,
        memoryClass: "activations",
        bytes: pageCount * PAGE_ENTRY_WORDS * 4,
      },
      this.pool.pageCount * PAGE_ENTRY_WORDS * 4,
      (made) => (this.table = made),
    );
    this.pool.grow(pageCount);
  }

  /**
   * A larger buffer with what is in the old one takes its place, and that is destroyed: at once, for
   * transfers go on meanwhile, and what they find must be alive.
   */
  async #enlarge(
    old: GPUBuffer | undefined,
    request: BufferRequest,
    usedBytes: number,
    replace: (made: GPUBuffer) => void,
  ): Promise<void> {
    const gpu = this.#gpu;
    const what = `${request.bytes} bytes of ${request.label}`;
    const made = await gpu.allocating(what, () => gpu.buffer(request));
    if (old) {
      gpu.copy(`grow ${request.label}`, [
        { from: old, to: made, bytes: usedBytes },
      ]);
    }
    replace(made);
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
  readonly limits: PageCounts;
  /** Changes whenever the buffers do: what was recorded against them is then stale. */
  generation = 0;
  /** What the pages of both halves never exceed, also while pools grow. */
  readonly budgetBytes: number;

  constructor(gpu: Gpu, shape: KvShape, budgetBytes: number) {
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
    });
  }

  /** Bytes that one token of a chat takes. */
  get tokenBytes(): number {
    return (this.lower.pageBytes + this.upper.pageBytes) / PAGE_TOKENS;
  }

  /** Pages of a half that could still be had. */
  roomFor(half: Half): number {
    return this.limits[half] - this[half].usedPages;
  }

  /**
   * Makes sure that so many pages are free. The pools double as they grow.
   *
   * @throws OutOfMemoryError when the budget or the GPU has no room
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
      const wanted = Math.max(FIRST_PAGES, 2 * pool.pageCount, needed);
      try {
        await this[half].grow(Math.min(wanted, this.limits[half]));
      } finally {
        this.generation++;
      }
    }
  }

  destroy(): void {
    this.lower.destroy();
    this.upper.destroy();
  }
}

/** Pages to begin with: 1,024 tokens. */
const FIRST_PAGES = 64;
