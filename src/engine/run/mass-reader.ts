/** Reads attention mass by page at the watershed: slice by slice, averaged over the asked rows of all slices. */
import type { Copy, Gpu } from "../../gpu/gpu";
import { readbackBuffer, readInto } from "../../gpu/readback";
import type { Decoder, MassRequest } from "../../model/network/decoder";

/** The most bytes of scratch: slices are cut to fit. */
const SCRATCH_BYTES = 64 * 2 ** 20;

interface MassBuffers {
  pageMass: GPUBuffer;
  scratch: GPUBuffer;
  readback: GPUBuffer;
}

export class MassReader {
  readonly #gpu: Gpu;
  readonly #decoder: Decoder;
  #buffers: MassBuffers | undefined;
  #pages = 0;
  #rows = 0;
  /** Σ over asked rows: [heads][pages]. */
  #sum = new Float64Array();

  constructor(gpu: Gpu, decoder: Decoder) {
    this.#gpu = gpu;
    this.#decoder = decoder;
  }

  /**
   * Starts a new average over `pages` pages.
   *
   * @returns rows that a slice may have
   * @throws OutOfMemoryError
   */
  async begin(pages: number): Promise<number> {
    const { headCount, rowCapacity } = this.#decoder;
    const rowBytes = this.#decoder.massScratchBytes(1, pages);
    const fitting = Math.floor(SCRATCH_BYTES / rowBytes);
    const rows = Math.max(1, Math.min(rowCapacity, fitting));
    this.#pages = pages;
    this.#rows = 0;
    this.#sum = new Float64Array(headCount * pages);
    await this.#fit(4 * this.#sum.length, rows * rowBytes);
    return rows;
  }

  /** What a slice asks of the network, and the copy to submit after it. */
  slice(): { request: MassRequest; copy: Copy } {
    const { pageMass, scratch, readback } = this.#buffers!;
    const bytes = 4 * this.#sum.length;
    return {
      request: { pageMass, pages: this.#pages, scratch },
      copy: { from: pageMass, to: readback, bytes },
    };
  }

  /** Adds the mean over a slice's asked rows, once its copy has been submitted. */
  async take(askedRows: number): Promise<void> {
    const mean = new Float32Array(this.#sum.length);
    await readInto(
      this.#gpu,
      this.#buffers!.readback,
      new Uint8Array(mean.buffer),
    );
    this.#gpu.check();
    mean.forEach((value, i) => (this.#sum[i]! += value * askedRows));
    this.#rows += askedRows;
  }

  /** Mass of each page, averaged over all rows added and these heads; all pages sum to 1. */
  pageMass(heads: readonly number[]): number[] {
    return Array.from({ length: this.#pages }, (_, page) => {
      const sum = heads.reduce(
        (total, head) => total + this.#sum[head * this.#pages + page]!,
        0,
      );
      return sum / (heads.length * this.#rows);
    });
  }

  destroy(): void {
    if (!this.#buffers) return;
    for (const buffer of Object.values(this.#buffers) as GPUBuffer[])
      this.#gpu.destroyBuffer(buffer);
    this.#buffers = undefined;
  }

  /** Buffers grow with the chat and are reused: turns should not allocate. */
  async #fit(massBytes: number, scratchBytes: number): Promise<void> {
    const gpu = this.#gpu;
    const now = this.#buffers;
    if (
      now &&
      now.pageMass.size >= massBytes &&
      now.scratch.size >= scratchBytes
    )
      return;
    this.destroy();
    const memoryClass = "activations";
    this.#buffers = await gpu.allocating(
      "the attention mass of a turn",
      () => ({
        pageMass: gpu.buffer({
          label: "page mass",
          memoryClass,
          bytes: 2 * massBytes,
        }),
        scratch: gpu.buffer({
          label: "attention mass by tile",
          memoryClass,
          bytes: scratchBytes,
        }),
        readback: readbackBuffer(gpu, "page mass readback", 2 * massBytes),
      }),
    );
  }
}
