/** How large buffers and bindings may be on this platform's GPU, without making a device. */
export interface AdapterLimits {
  maxBufferSize: number;
  maxStorageBufferBindingSize: number;
}

/** Bytes of a storage buffer that a kernel may see, at most. */
export function bindingBytesOf({
  maxBufferSize,
  maxStorageBufferBindingSize,
}: AdapterLimits): number {
  return Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

/** Undefined where there is no WebGPU, or no adapter. */
export async function adapterLimits(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
): Promise<AdapterLimits | undefined> {
  const adapter = await gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (!adapter) return undefined;
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return { maxBufferSize, maxStorageBufferBindingSize };
}
