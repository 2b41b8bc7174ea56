/** The largest buffers and bindings of this platform's GPU, without creating a device. */
export interface AdapterLimits {
  maxBufferSize: number;
  maxStorageBufferBindingSize: number;
}

/** The largest storage buffer binding, in bytes. */
export function bindingBytesOf({
  maxBufferSize,
  maxStorageBufferBindingSize,
}: AdapterLimits): number {
  return Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

/** The size of a buffer for so many bytes: whole words, and no less than WebGPU binds for any type. */
export function storageBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 4) * 4);
}

/** Undefined without WebGPU or an adapter. */
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
