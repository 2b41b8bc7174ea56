// The canary sings for kernels that compute what they should, and only for those.
import { expect, test } from "vitest";
import { checkKernels } from "../../../src/model/network/canary";
import { readConfig } from "../../../src/model/config/config";
import { compileKernels } from "../../../src/model/network/kernel-set";
import type { MatrixFormat } from "../../../src/model/weights/matrix-format";
import { QUANT_FORMATS } from "../../../src/model/weights/quant-formats";
import { GPU_TUNING } from "../../../src/model/network/tuning";
import { randomModel } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";

const gpu = await testGpu();
const formats: MatrixFormat[] = ["F32", "F16", "BF16", ...QUANT_FORMATS];
const kernels = await compileKernels(
  gpu,
  readConfig(randomModel().config),
  { embedding: "F32", matrices: formats },
  "f32",
  GPU_TUNING,
);

test("kernels of all formats pass, and nothing of it is left on the GPU", async () => {
  const before = { ...gpu.ledger.bytes };
  await checkKernels(gpu, kernels);
  // Parameters of kernels are kept for the next ones that have the same.
  const { staging, ...rest } = gpu.ledger.bytes;
  expect(rest).toEqual({ ...before, staging: undefined });
  expect(staging - before.staging).toBeLessThan(10_000);
});

test.each(["matvec", "matvecRows", "matmul"] as const)(
  "a %s that takes one format for another is found out",
  async (name) => {
    const linear = {
      ...kernels.linear,
      Q4: { ...kernels.linear.Q4!, [name]: kernels.linear.Q8![name] },
    };
    await expect(checkKernels(gpu, { ...kernels, linear })).rejects.toThrow(
      /computes wrong numbers.*weights in Q4.*Update the graphics driver/,
    );
  },
);

test("a kernel that does nothing is found out", async () => {
  const idle = { record: () => () => undefined };
  const linear = {
    BF16: { matvec: idle, matvecRows: idle, matmul: idle },
  } as unknown as typeof kernels.linear;
  await expect(checkKernels(gpu, { ...kernels, linear })).rejects.toThrow(
    /weights in BF16: off by 1\.0/,
  );
});
