/** Reads bytes back from the GPU: whole buffers once, and a ring of small slots for the fast path. */
import type { Copy, Gpu } from "./gpu";

const MAP_READ = 0x1 | 0x8; // GPUBufferUsage.MAP_READ | COPY_DST
const READ = 0x1; // GPUMapMode.READ

/** Reads `bytes` of a buffer. For tests, benchmarks and reads that happen once a turn. */
export async function readBuffer(
  gpu: Gpu,
  from: GPUBuffer,
  fromOffset = 0,
  bytes = from.size,
): Promise<ArrayBuffer> {
  const to = readbackBuffer(gpu, "readback", bytes);
  const out = new Uint8Array(bytes);
  try {
    gpu.copy("readback", [{ from, fromOffset, to, bytes }]);
    await readInto(gpu, to, out);
    return out.buffer;
  } finally {
    gpu.destroyBuffer(to);
    gpu.check();
  }
}

/** A buffer to copy into and to read with `readInto`. */
export function readbackBuffer(
  gpu: Gpu,
  label: string,
  bytes: number,
): GPUBuffer {
  return gpu.buffer({ label, memoryClass: "staging", bytes, usage: MAP_READ });
}

/**
 * Fills `out` from a readback buffer once the work submitted so far is done; work submitted afterwards need not
 * wait.
 *
 * @throws DeviceLostError
 */
export async function readInto(
  gpu: Gpu,
  from: GPUBuffer,
  out: Uint8Array,
): Promise<void> {
  await mapped(gpu, from, out.length);
  out.set(new Uint8Array(from.getMappedRange(0, out.length)));
  from.unmap();
}

/** Slots used in turn: a step copies its result into one while older slots are still being read. */
export class ReadbackRing {
  readonly #gpu: Gpu;
  readonly #slots: GPUBuffer[];
  readonly #bytes: number;
  #next = 0;

  /** @param bytes of a slot's result, a multiple of four. Default: one u32 */
  constructor(gpu: Gpu, depth: number, bytes = 4) {
    this.#gpu = gpu;
    this.#bytes = bytes;
    this.#slots = Array.from({ length: depth }, (_, i) =>
      gpu.buffer({
        label: `readback slot ${i}`,
        memoryClass: "staging",
        bytes: Math.ceil(bytes / 16) * 16,
        usage: MAP_READ,
      }),
    );
  }

  /** The copy that fills the next slot, and a function to read its first word once that copy has been submitted. */
  take(from: GPUBuffer): { copy: Copy; read: () => Promise<number> } {
    const { copy, read } = this.takeAll(from);
    return { copy, read: async () => new Uint32Array(await read())[0]! };
  }

  /** The same for all bytes of the slot. */
  takeAll(from: GPUBuffer): { copy: Copy; read: () => Promise<ArrayBuffer> } {
    const [gpu, bytes] = [this.#gpu, this.#bytes];
    const to = this.#slots[this.#next++ % this.#slots.length]!;
    return {
      copy: { from, to, bytes },
      async read() {
        await mapped(gpu, to, bytes);
        const value = to.getMappedRange(0, bytes).slice(0);
        to.unmap();
        return value;
      },
    };
  }

  destroy(): void {
    for (const slot of this.#slots) this.#gpu.destroyBuffer(slot);
  }
}

/** @throws DeviceLostError */
async function mapped(gpu: Gpu, buffer: GPUBuffer, bytes: number) {
  try {
    await buffer.mapAsync(READ, 0, bytes);
  } catch (error) {
    throw await gpu.causeOf(error);
  }
}
