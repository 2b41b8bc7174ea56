/** A GPU that only does the accounting: buffers have sizes and no contents. For tests of page ownership. */
import type { BufferRequest, Gpu } from "../../src/gpu/gpu";
import { Ledger, type MemoryClass } from "../../src/gpu/ledger";
import { OutOfMemoryError } from "../../src/util/errors";
import { KvCache, type KvShape } from "../../src/memory/kv-cache";

export interface FakeGpuOptions {
  /** Bytes that a buffer may have. */
  bufferBytes?: number;
  /** Bytes that all buffers together may have. Can be changed while the GPU is in use. */
  roomBytes?: number;
}

/** The parts of a device that creators of buffers need, with the real ledger. */
export function fakeGpu(options: FakeGpuOptions = {}): Gpu {
  const { bufferBytes = 2 ** 40 } = options;
  const classes = new Map<GPUBuffer, MemoryClass>();
  const ledger = new Ledger();
  const fake: Pick<
    Gpu,
    | "ledger"
    | "bindingBytes"
    | "buffer"
    | "destroyBuffer"
    | "allocating"
    | "copy"
    | "done"
    | "write"
  > = {
    bindingBytes: bufferBytes,
    ledger,
    buffer({ memoryClass, bytes }: BufferRequest) {
      const buffer = { size: bytes } as GPUBuffer;
      classes.set(buffer, memoryClass);
      ledger.add(memoryClass, bytes);
      return buffer;
    },
    destroyBuffer(buffer) {
      ledger.remove(classes.get(buffer)!, buffer.size);
      classes.delete(buffer);
    },
    async allocating(what, allocate) {
      const before = new Set(classes.keys());
      try {
        const made = allocate();
        if (ledger.totalBytes <= (options.roomBytes ?? Infinity)) return made;
        throw new OutOfMemoryError(`no room for ${what}`);
      } catch (error) {
        for (const buffer of classes.keys())
          if (!before.has(buffer)) fake.destroyBuffer(buffer);
        throw error;
      }
    },
    copy: () => undefined,
    done: () => Promise.resolve(),
    write: () => undefined,
  };
  return fake as unknown as Gpu;
}

/** Pages of 256 bytes a layer, the narrowest possible. */
export const NARROW: KvShape = {
  layerCount: 4,
  watershed: 1,
  kvHeads: 1,
  headDim: 4,
  format: "f16",
};

/** The pages of a chat without a device: `lower` and `upper` of them at most. */
export function fakeCache(limits: { lower: number; upper: number }): KvCache {
  const cache = new KvCache(fakeGpu(), NARROW, Infinity);
  Object.assign(cache.limits, limits);
  return cache;
}
