/** Uploads large data in slices, with a bound on the bytes in flight, so that other GPU work gets its turn. */
import type { Gpu } from "./gpu";

export interface UploadLimits {
  /** Bytes of one write; a multiple of 4. */
  sliceBytes: number;
  /** The most bytes written and not yet known to be on the GPU. */
  inFlightBytes: number;
}

export class SlicedUpload {
  readonly #gpu: Gpu;
  readonly #limits: UploadLimits;
  #writtenBytes = 0;

  constructor(
    gpu: Gpu,
    limits: UploadLimits = { sliceBytes: 8 * MIB, inFlightBytes: 16 * MIB },
  ) {
    this.#gpu = gpu;
    this.#limits = limits;
  }

  /**
   * Writes `data`. `buffer()` is called again before each slice, because the buffer may have been replaced
   * meanwhile.
   *
   * @throws DeviceLostError
   */
  async write(
    buffer: () => GPUBuffer,
    offset: number,
    data: Uint8Array,
  ): Promise<void> {
    const { sliceBytes, inFlightBytes } = this.#limits;
    for (let at = 0; at < data.length; at += sliceBytes) {
      const slice = data.subarray(at, at + sliceBytes);
      if (this.#writtenBytes + slice.length > inFlightBytes) {
        await this.#gpu.done();
        this.#writtenBytes = 0;
      }
      this.#gpu.write(buffer(), offset + at, slice);
      this.#writtenBytes += slice.length;
    }
  }
}

const MIB = 2 ** 20;
