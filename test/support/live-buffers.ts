/**
 * The bytes of live buffers by class, counted independently of the ledger: from the buffers that the device
 * created and destroyed.
 */
import type { BufferRequest, Gpu } from "../../src/gpu/gpu";
import type { MemoryClass } from "../../src/gpu/ledger";

export interface LiveBuffer {
  label: string;
  bytes: number;
  usage: GPUBufferUsageFlags;
  /** undefined: it was created without the ledger. */
  memoryClass: MemoryClass | undefined;
}

/** Watches a device from now on. Call it before any buffer is made; the function it returns lists those alive. */
export function watchBuffers(gpu: Gpu): () => LiveBuffer[] {
  const live = new Map<GPUBuffer, LiveBuffer>();
  const { device } = gpu;

  const make = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = make(descriptor);
    const { label, size: bytes, usage } = buffer;
    live.set(buffer, { label, bytes, usage, memoryClass: undefined });
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy();
    };
    return buffer;
  };

  const request = gpu.buffer.bind(gpu);
  gpu.buffer = (wanted: BufferRequest) => {
    const buffer = request(wanted);
    live.get(buffer)!.memoryClass = wanted.memoryClass;
    return buffer;
  };

  return () => [...live.values()];
}
