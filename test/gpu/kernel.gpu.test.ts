import { expect, test, vi } from "vitest";
import { defineKernel } from "../../src/gpu/kernel";
import { downloadWords, inOnePass, testGpu, upload } from "../support/gpu";

const gpu = await testGpu();

const main = `// Doubles.

struct Params { at : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read_write> x : array<u32>;

@compute @workgroup_size(1)
fn main() {
  x[params.at] *= 2u;
}
`;

const double = defineKernel({
  label: "double",
  source: main,
  buffers: { x: "read_write" },
  params: { at: "u32" },
  workgroups: () => [1],
});

test("kernels that are recorded with the same parameters share a uniform block", async () => {
  const kernel = await double(gpu);
  const x = upload(gpu, Uint32Array.of(1, 2));
  const before = gpu.counts.buffers;
  const recorded = [0, 1, 1].map((at) => kernel.record({ x }, { at }));
  expect(gpu.counts.buffers - before).toBe(2);
  await inOnePass(gpu, (pass) => {
    for (const dispatch of recorded) dispatch(pass, undefined);
  });
  expect([...(await downloadWords(gpu, x, 2))]).toEqual([2, 8]);
});

test("a uniform block that went with a failed allocation is made anew", async () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  const block = () => gpu.uniformBlock("lost", bytes);
  const { device } = gpu;
  const pop = device.popErrorScope.bind(device);
  vi.spyOn(device, "popErrorScope").mockImplementationOnce(async () => {
    await pop();
    return { message: "no room" };
  });
  let lost: GPUBuffer | undefined;
  await expect(
    gpu.allocating("a test", () => (lost = block())),
  ).rejects.toThrow("no room for a test");
  expect(block()).not.toBe(lost);
  expect(block()).toBe(block());
});
