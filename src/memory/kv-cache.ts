/** The pages of both halves on the GPU: pools, buffers and page tables, within a budget of bytes. */
import type { Gpu } from "../gpu/gpu";
import { OutOfMemoryError } from "../util/errors";
import { PAGE_TOKENS, PagePool } from "./page-pool";
import { type Half, PAGE_ENTRY_WORDS } from "./page-table";

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

/** Keys and values of one layer: [page][kv_head][16][head_dim]. */
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
  layers: LayerPages[] = [];
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
  }

  /** Makes room for `pageCount` pages in all; what is in the pages stays. */
  async grow(pageCount: number): Promise<void> {
    const gpu = this.#gpu;
    const memoryClass = `${this.half} pages` as const;
    const bytes = pageCount * this.#matrixBytes;
    const oldBytes = this.pool.pageCount * this.#matrixBytes;
    const made = await gpu.allocating(
      `${pageCount} ${memoryClass} of KV`,
      () => ({
        layers: Array.from({ length: this.layerCount }, (_, i) => ({
          k: gpu.buffer({
            label: `${memoryClass}, layer ${this.firstLayer + i}, k`,
            memoryClass,
            bytes,
          }),
          v: gpu.buffer({
            label: `${memoryClass}, layer ${this.firstLayer + i}, v`,
            memoryClass,
            bytes,
          }),
        })),
        table: gpu.buffer({
          label: `${this.half} page table`,
          memoryClass: "activations",
          bytes: pageCount * PAGE_ENTRY_WORDS * 4,
        }),
      }),
    );
    if (this.pool.pageCount > 0) {
      gpu.copy(`grow ${memoryClass}`, [
        ...this.layers.flatMap(({ k, v }, i) => [
          { from: k, to: made.layers[i]!.k, bytes: oldBytes },
          { from: v, to: made.layers[i]!.v, bytes: oldBytes },
        ]),
        {
          from: this.table,
          to: made.table,
          bytes: this.pool.pageCount * PAGE_ENTRY_WORDS * 4,
        },
      ]);
      this.destroy();
    }
    this.layers = made.layers;
    this.table = made.table;
    this.pool.grow(pageCount);
  }

  destroy(): void {
    for (const { k, v } of this.layers) {
      this.#gpu.destroyBuffer(k);
      this.#gpu.destroyBuffer(v);
    }
    if (this.pool.pageCount > 0) this.#gpu.destroyBuffer(this.table);
    this.layers = [];
  }
}

export class KvCache {
  readonly lower: KvHalf;
  readonly upper: KvHalf;
  /** Changes whenever the buffers do: what was recorded against them is then stale. */
  generation = 0;
  readonly #largestPool: number;

  /** @param budgetBytes for the pages of both halves together */
  constructor(gpu: Gpu, shape: KvShape, budgetBytes: number) {
    this.lower = new KvHalf(gpu, "lower", shape);
    this.upper = new KvHalf(gpu, "upper", shape);
    const pairBytes = this.lower.pageBytes + this.upper.pageBytes;
    const layerPageBytes = pairBytes / shape.layerCount / 2;
    this.#largestPool = Math.floor(
      Math.min(
        budgetBytes / pairBytes,
        gpu.device.limits.maxStorageBufferBindingSize / layerPageBytes,
      ),
    );
  }

  /** Bytes that one token of a chat takes. */
  get tokenBytes(): number {
    return (this.lower.pageBytes + this.upper.pageBytes) / PAGE_TOKENS;
  }

  /** Whether `pages` more pages of both halves can be had. */
  canReserve(pages: number): boolean {
    return this.#usedPages + pages <= this.#largestPool;
  }

  /**
   * Makes sure that `pages` pages of both halves are free. The pools double as they grow.
   *
   * @throws OutOfMemoryError when the budget or the GPU has no room
   */
  async reserve(pages: number): Promise<void> {
    if (!this.canReserve(pages)) {
      throw new OutOfMemoryError(
        `The chat needs ${pages} more pages of KV; the memory budget holds ${this.#largestPool} pages of ${PAGE_TOKENS} tokens. Start a new chat, or raise the budget.`,
      );
    }
    for (const half of [this.lower, this.upper]) {
      const needed = half.pool.pageCount - half.pool.freePages + pages;
      if (needed <= half.pool.pageCount) continue;
      const doubled = Math.max(FIRST_PAGES, 2 * half.pool.pageCount, needed);
      await half.grow(Math.min(doubled, this.#largestPool));
      this.generation++;
    }
  }

  destroy(): void {
    this.lower.destroy();
    this.upper.destroy();
  }

  get #usedPages(): number {
    const used = ({ pool }: KvHalf) => pool.pageCount - pool.freePages;
    return Math.max(used(this.lower), used(this.upper));
  }
}

/** Pages to begin with: 1,024 tokens. */
const FIRST_PAGES = 64;
