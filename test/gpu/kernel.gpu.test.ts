import { expect, test, vi } from "vitest";
import { defineKernel } from "../../src/gpu/kernel";
import { downloadWords, inOnePass, testGpu, upload } from "../support/gpu";

const gpu = await testGpu();

const twice = "fn twice(x : u32) -> u32 {\n  return 2u * x;\n}\n";
const main = `// Doubles.

struct Params { at : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read_write> x : array<u32>;

@compute @workgroup_size(1)
fn main() {
  x[params.at] = twice(x[params.at]);
}
`;

function kernelOf(shared: Record<string, string>, source: string) {
  return defineKernel({
    label: "double",
    shared,
    source,
    buffers: { x: "read_write" },
    params: { at: "u32" },
    workgroups: () => [1],
  });
}

test.each<{
  where: string;
  shared: Record<string, string>;
  source: string;
  place: string;
}>([
  {
    where: "a shared file",
    shared: { empty: "", twice: twice.replace("2u * x", "2u * y") },
    source: main,
    place: "shared/twice.wgsl:2",
  },
  {
    where: "the first of several",
    shared: {
      twice: twice.replace("2u * x", "2u * y"),
      more: twice.replace("twice", "more"),
    },
    source: main,
    place: "shared/twice.wgsl:2",
  },
  {
    where: "the kernel's own file",
    shared: { twice, empty: "" },
    source: main.replace("twice(", "thrice("),
    place: "double.wgsl:10",
  },
])(
  "an error in $where names kernel, file and line, and leaves the device sound",
  async ({ shared, source, place }) => {
    const compiling = kernelOf(shared, source)(gpu);
    await expect(compiling).rejects.toThrow(
      "The WGSL of double does not compile",
    );
    await expect(compiling).rejects.toThrow(`\n${place}:`);
    await gpu.done();
    expect(gpu.isSound).toBe(true);
  },
);

test("kernels that are recorded with the same parameters share a uniform block", async () => {
  const kernel = await kernelOf({ twice }, main)(gpu);
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

test("is compiled once for the same constants, and again after a failure", async () => {
  const modules = vi.spyOn(gpu.device, "createShaderModule");
  const good = kernelOf({ twice }, main);
  expect(await good(gpu)).toBe(await good(gpu));
  expect(modules).toHaveBeenCalledTimes(1);
  const bad = kernelOf({}, main);
  await expect(bad(gpu)).rejects.toThrow("does not compile");
  await expect(bad(gpu)).rejects.toThrow("does not compile");
  expect(modules).toHaveBeenCalledTimes(3);
  modules.mockRestore();
});
