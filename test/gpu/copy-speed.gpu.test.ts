import { expect, test } from "vitest";
import { copySpeed } from "../../src/gpu/copy-speed";
import { testGpu } from "../support/gpu";

test("A GPU's speed is measured in bytes a second, and leaves no buffer behind", async () => {
  const gpu = await testGpu();
  const { staging } = gpu.ledger.bytes;
  const { buffers } = gpu.counts;
  const speed = await copySpeed(gpu);
  // From the slowest phone to the quickest accelerator.
  expect(speed).toBeGreaterThan(1e8);
  expect(speed).toBeLessThan(1e14);
  expect(gpu.counts.buffers).toBe(buffers + 2);
  expect(gpu.ledger.bytes.staging).toBe(staging);
});
