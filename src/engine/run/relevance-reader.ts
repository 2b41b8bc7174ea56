/**
 * Reads how relevant each token of the lower halves is to a question: summed over its slices, read back at their
 * end.
 */
import type { Gpu } from "../../gpu/gpu";
import { readBuffer } from "../../gpu/readback";
import { PAGE_TOKENS } from "../../memory/page-pool";
import type { Decoder, RelevanceRequest } from "../../model/network/decoder";

/** The most bytes of scores: slices are cut to fit. */
const SCORE_BYTES = 64 * 2 ** 20;

interface RelevanceBuffers {
  relevance: GPUBuffer;
  scores: GPUBuffer;
  softmaxes: GPUBuffer;
}

export class RelevanceReader {
  readonly #gpu: Gpu;
  readonly #decoder: Decoder;
  #buffers: RelevanceBuffers | undefined;
  #pages = 0;
  #rows = 0;

  constructor(gpu: Gpu, decoder: Decoder) {
    this.#gpu = gpu;
    this.#decoder = decoder;
  }

  /**
   * Starts a new sum over `pages` pages.
   *
   * @returns rows that a slice may have
   * @throws OutOfMemoryError
   */
  async begin(pages: number): Promise<number> {
    const rowBytes = 4 * PAGE_TOKENS * pages;
    const fitting = Math.floor(SCORE_BYTES / rowBytes);
    const rows = Math.max(1, Math.min(this.#decoder.rowCapacity, fitting));
    this.#pages = pages;
    this.#rows = 0;
    await this.#fit(rowBytes, rows);
    return rows;
  }

  /** What a slice asks of the network. */
  slice(askedRows: number): RelevanceRequest {
    const adds = this.#rows > 0;
    this.#rows += askedRows;
    return { ...this.#buffers!, pages: this.#pages, askedRows, adds };
  }

  /** [pages, PAGE_TOKENS], once all slices are submitted. */
  async read(): Promise<Float32Array> {
    const bytes = 4 * PAGE_TOKENS * this.#pages;
    const { relevance } = this.#buffers!;
    return new Float32Array(await readBuffer(this.#gpu, relevance, 0, bytes));
  }

  destroy(): void {
    if (!this.#buffers) return;
    for (const buffer of Object.values(this.#buffers) as GPUBuffer[])
      this.#gpu.destroyBuffer(buffer);
    this.#buffers = undefined;
  }

  /** Buffers grow with the chat and are reused. */
  async #fit(relevanceBytes: number, rows: number): Promise<void> {
    const gpu = this.#gpu;
    const wanted = {
      relevance: relevanceBytes,
      scores: rows * relevanceBytes,
      softmaxes: (rows * relevanceBytes) / (PAGE_TOKENS / 2),
    };
    const names = ["relevance", "scores", "softmaxes"] as const;
    const now = this.#buffers;
    if (now && names.every((name) => now[name].size >= wanted[name])) return;
    this.destroy();
    const make = (label: string, bytes: number) =>
      gpu.buffer({ label, memoryClass: "activations", bytes });
    this.#buffers = await gpu.allocating("the relevance of tokens", () => ({
      relevance: make("relevance", wanted.relevance),
      scores: make("relevance scores", wanted.scores),
      softmaxes: make("relevance softmaxes", wanted.softmaxes),
    }));
  }
}
