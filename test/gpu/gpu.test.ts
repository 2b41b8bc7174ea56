// What becomes of buffers whose making fails, on a device that only counts them.
import { expect, test } from "vitest";
import { Gpu } from "../../src/gpu/gpu";
import { OutOfMemoryError } from "../../src/util/errors";

/** What an error scope finds at its end. */
type ScopeEnd = () => Promise<GPUError | null>;

/** A device of buffers of at most 100 bytes. */
async function countingGpu(
  popErrorScope: ScopeEnd = () => Promise.resolve(null),
) {
  const destroyed: string[] = [];
  const limits = { maxBufferSize: 100, maxStorageBufferBindingSize: 100 };
  const device = {
    limits,
    lost: new Promise(() => {}),
    addEventListener() {},
    pushErrorScope() {},
    popErrorScope,
    createBuffer: ({ label, size }: GPUBufferDescriptor) => ({
      label,
      size,
      destroy: () => destroyed.push(label!),
    }),
  };
  const requestDevice = () => Promise.resolve(device);
  const requestAdapter = () => Promise.resolve({ limits, requestDevice });
  const gpu = await Gpu.open({ requestAdapter } as unknown as GPU);
  const buffer = (label: string, bytes = 64) =>
    gpu.buffer({ label, memoryClass: "staging", bytes });
  return { gpu, buffer, destroyed };
}

test("what was made stays where all of it could be made", async () => {
  const { gpu, buffer, destroyed } = await countingGpu();
  const made = await gpu.allocating("two", () => [buffer("a"), buffer("b")]);
  expect(made.map(({ label }) => label)).toEqual(["a", "b"]);
  expect(gpu.ledger.totalBytes).toBe(128);
  expect(destroyed).toEqual([]);
});

test("what was made before a buffer turned out too large is destroyed, and nothing else", async () => {
  const { gpu, buffer, destroyed } = await countingGpu();
  buffer("before");
  const allocating = gpu.allocating("two", () => {
    buffer("a");
    buffer("b", 999);
  });
  buffer("meanwhile");
  await expect(allocating).rejects.toThrow(
    new OutOfMemoryError(
      "b needs a buffer of 1000 bytes; this device allows 100. Choose a smaller model or a smaller memory budget.",
    ),
  );
  expect(destroyed).toEqual(["a"]);
  expect(gpu.ledger.totalBytes).toBe(128);
});

test("what the GPU had no room for is destroyed", async () => {
  const { gpu, buffer, destroyed } = await countingGpu(() =>
    Promise.resolve({ message: "out of memory" }),
  );
  await expect(
    gpu.allocating("two buffers", () => [buffer("a"), buffer("b")]),
  ).rejects.toThrow(/no room for two buffers.*smaller model/);
  expect(destroyed).toEqual(["a", "b"]);
  expect(gpu.ledger.totalBytes).toBe(0);
});

test("what was made is destroyed where the device is gone before it can be known", async () => {
  const { gpu, buffer, destroyed } = await countingGpu(() =>
    Promise.reject(new Error("the device is lost")),
  );
  await expect(gpu.allocating("one", () => buffer("a"))).rejects.toThrow(
    "the device is lost",
  );
  expect(destroyed).toEqual(["a"]);
});
