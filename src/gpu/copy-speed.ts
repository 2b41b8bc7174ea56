/**
 * How fast a GPU moves memory: what a reply's speed depends on, since each token reads all weights once. Measured by
 * copying a buffer, which needs no kernel to be compiled; takes about a tenth of a second.
 */
import type { Gpu } from "./gpu";

const MOST_BYTES = 64 << 20;
/** More copies are made until they take so long that a submit's delay does not count. */
const LEAST_MS = 40;
const MOST_COPIES = 1024;

/** Bytes that are read or written in a second. @throws OutOfMemoryError, DeviceLostError */
export async function copySpeed(gpu: Gpu): Promise<number> {
  const bytes = Math.min(MOST_BYTES, gpu.device.limits.maxBufferSize);
  const [from, to] = await gpu.allocating("measuring its speed", () =>
    (["copied from", "copied to"] as const).map((label) =>
      gpu.buffer({ label, memoryClass: "staging", bytes }),
    ),
  );
  const copyMs = async (copies: number) => {
    const startMs = performance.now();
    const one = { from: from!, to: to!, bytes };
    gpu.copy("measure speed", Array<typeof one>(copies).fill(one));
    await gpu.device.queue.onSubmittedWorkDone();
    return performance.now() - startMs;
  };
  try {
    // The first copy touches the memory.
    await copyMs(1);
    for (let copies = 4; ; copies *= 4) {
      const ms = await copyMs(copies);
      gpu.check();
      if (ms >= LEAST_MS || copies >= MOST_COPIES)
        return (2 * bytes * copies * 1000) / Math.max(ms, 0.1);
    }
  } finally {
    gpu.destroyBuffer(from!);
    gpu.destroyBuffer(to!);
  }
}
