// The canary sings for kernels that compute what they should, and only for those.
import { describe, expect, test } from "vitest";
import { checkKernels } from "../../../src/model/network/canary";
import { readConfig } from "../../../src/model/config/config";
import { compileKernels } from "../../../src/model/network/kernel-set";
import type { MatrixFormat } from "../../../src/model/weights/matrix-format";
import { QUANT_FORMATS } from "../../../src/model/weights/quant-formats";
import { GPU_TUNING, type Tuning } from "../../../src/model/network/tuning";
import { randomModel } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";

const gpu = await testGpu();
const formats: MatrixFormat[] = ["F32", "F16", "BF16", ...QUANT_FORMATS];
const compiled = (matrices: MatrixFormat[], tuning: Tuning) =>
  compileKernels(
    gpu,
    readConfig(randomModel().config),
    { embedding: "F32", matrices },
    "f32",
    tuning,
  );
const tunings: [string, Tuning][] = [
  ["a GPU", GPU_TUNING],
  ["a software adapter", { ...GPU_TUNING, isCompact: true }],
];
const kernels = await compiled(["BF16", "Q4", "Q8"], GPU_TUNING);

describe.each(tunings)("kernels for %s", (_, tuning) => {
  // A format a test: software adapters take seconds to compile one.
  test.each(formats)("of %s pass", async (format) => {
    const found = await checkKernels(gpu, await compiled([format], tuning));
    // One row, a few and many, with and without a norm.
    expect(found).toHaveLength(6);
  });
});

test("those of a GPU pass, and nothing of it is left", async () => {
  const before = { ...gpu.ledger.bytes };
  await checkKernels(gpu, kernels);
  // Parameters of kernels are kept for the next ones that have the same.
  const { staging, ...rest } = gpu.ledger.bytes;
  expect(rest).toEqual({ ...before, staging: undefined });
  expect(staging - before.staging).toBeLessThan(10_000);
});

const [q4, q8] = [kernels.linear.Q4!, kernels.linear.Q8!];
const swapped = {
  "a matvec": {
    ...q4,
    matvecs: q4.matvecs.map((one, i) => ({ ...one, one: q8.matvecs[i]!.one })),
  },
  "a matvec for a few rows": {
    ...q4,
    matvecs: q4.matvecs.map((one, i) => ({ ...one, few: q8.matvecs[i]!.few })),
  },
  "the last of the matvecs alone": {
    ...q4,
    matvecs: [...q4.matvecs.slice(0, -1), q8.matvecs.at(-1)!],
  },
  "a matmul": { ...q4, matmul: q8.matmul },
};
test.each(Object.entries(swapped))(
  "%s that takes one format for another is found out",
  async (_, Q4) => {
    const linear = { ...kernels.linear, Q4 };
    await expect(checkKernels(gpu, { ...kernels, linear })).rejects.toThrow(
      /computes wrong numbers.*weights in Q4.*Update the graphics driver/,
    );
  },
);

test("a kernel that does nothing is found out", async () => {
  const idle = { record: () => () => undefined };
  const linear = {
    BF16: {
      matvecs: [{ norms: [false], one: idle, few: idle }],
      matmul: idle,
    },
  } as unknown as typeof kernels.linear;
  await expect(checkKernels(gpu, { ...kernels, linear })).rejects.toThrow(
    /weights in BF16: off by 1\.0/,
  );
});
