// matvec and matmul compute the same thing and pass the same tests.
import { describe, expect, test } from "vitest";
import { matmul } from "../../src/kernels/matmul";
import { EPILOGUE, matvec } from "../../src/kernels/matvec";
import type { FloatType } from "../../src/model/checkpoint";
import { linear as reference } from "../reference/linear";
import {
  downloadFloats,
  inOnePass,
  paddedRows,
  testGpu,
  upload,
  uploadStep,
  withoutPadding,
} from "../support/gpu";
import { seededNormals } from "../support/random";
import { encode, rounded } from "../support/tensors";

const gpu = await testGpu();
const FORMATS: Record<FloatType, number> = { F32: 0, F16: 1, BF16: 2 };
const kernels = {
  F32: await compile("F32"),
  F16: await compile("F16"),
  BF16: await compile("BF16"),
};

async function compile(type: FloatType) {
  const weight_format = FORMATS[type];
  return {
    matvec: await matvec(gpu, { weight_format }),
    matmul: await matmul(gpu, { weight_format }),
  };
}

interface Case {
  rows: number;
  inputs: number;
  outputs: number;
  type?: FloatType;
  normalizes?: boolean;
  hasBias?: boolean;
  epilogue?: keyof typeof EPILOGUE;
}

const cases: Case[] = [
  { rows: 1, inputs: 192, outputs: 320 }, // the demo model's qkv
  { rows: 1, inputs: 192, outputs: 1536, type: "BF16" }, // its head
  { rows: 1, inputs: 7, outputs: 3 }, // narrower than everything
  { rows: 2, inputs: 8, outputs: 4 },
  { rows: 3, inputs: 100, outputs: 173, type: "F16", hasBias: true },
  { rows: 17, inputs: 172, outputs: 65, type: "BF16" },
  { rows: 32, inputs: 64, outputs: 64 }, // exactly one tile
  { rows: 33, inputs: 1000, outputs: 129, hasBias: true },
  { rows: 300, inputs: 24, outputs: 100, type: "F16" },
  { rows: 1, inputs: 192, outputs: 320, normalizes: true, hasBias: true },
  { rows: 17, inputs: 172, outputs: 65, type: "BF16", normalizes: true },
  { rows: 1, inputs: 512, outputs: 192, epilogue: "add" },
  { rows: 33, inputs: 172, outputs: 100, epilogue: "add", hasBias: true },
  { rows: 1, inputs: 100, outputs: 171, epilogue: "gated", normalizes: true },
  {
    rows: 40,
    inputs: 100,
    outputs: 171,
    epilogue: "gated",
    normalizes: true,
    type: "BF16",
  },
];

describe.each(["matvec", "matmul"] as const)("%s", (name) => {
  test.each(cases)(
    "agrees with the reference: $rows × $inputs → $outputs $type $epilogue norm=$normalizes bias=$hasBias",
    async ({
      rows,
      inputs,
      outputs,
      type = "F32",
      normalizes = false,
      hasBias = false,
      epilogue = "store",
    }) => {
      const isGated = epilogue === "gated";
      const weightRows = isGated ? 2 * outputs : outputs;
      const x = seededNormals(rows * inputs, 1);
      const w = rounded(type, seededNormals(weightRows * inputs, 2));
      const bias = seededNormals(outputs, 3);
      const norm = { weight: seededNormals(inputs, 4), eps: 1e-5 };
      const before = seededNormals(rows * outputs, 5);

      const yStride = Math.ceil(outputs / 8) * 8;
      const y = upload(gpu, paddedRows(before, outputs));
      const unused = upload(gpu, new Float32Array(4));
      const buffers = {
        x: upload(gpu, paddedRows(x, inputs)),
        norm_weight: normalizes
          ? upload(gpu, paddedRows(norm.weight, inputs))
          : unused,
        weight: upload(gpu, encode(type, paddedRows(w, inputs))),
        bias: hasBias ? upload(gpu, bias) : unused,
        y,
      };
      const params = {
        chunks: Math.ceil(inputs / 8),
        columns: inputs,
        outputs,
        y_stride: yStride,
        normalizes: Number(normalizes),
        eps: norm.eps,
        has_bias: Number(hasBias),
        epilogue: EPILOGUE[epilogue],
      };
      const step = uploadStep(gpu, {
        rows: Array.from({ length: rows }, () => ({})),
      });
      const dispatch =
        name === "matvec"
          ? kernels[type].matvec.record(buffers, params)
          : kernels[type].matmul.record(
              { step, ...buffers },
              { ...params, asked_only: 0 },
            );
      await inOnePass(gpu, (pass) => dispatch(pass, { rows, weightRows }));

      const expected = reference(x, w, {
        inputs,
        ...(hasBias && { bias }),
        ...(normalizes && { norm }),
        ...(isGated && { gated: true }),
        ...(epilogue === "add" && { residual: before }),
      });
      const got = withoutPadding(await downloadFloats(gpu, y), outputs);
      expect(got).toBeCloseToArray(expected, 3e-6);
    },
  );
});

test("matmul leaves rows that the step does not have alone", async () => {
  const y = upload(gpu, new Float32Array(32 * 8).fill(7));
  const unused = upload(gpu, new Float32Array(8));
  const dispatch = kernels.F32.matmul.record(
    {
      step: uploadStep(gpu, {
        rows: Array.from({ length: 20 }, () => ({})),
        askedRows: 3,
      }),
      x: upload(gpu, new Float32Array(32 * 8).fill(1)),
      norm_weight: unused,
      weight: upload(gpu, new Float32Array(8 * 8).fill(1)),
      bias: unused,
      y,
    },
    {
      chunks: 1,
      columns: 8,
      outputs: 8,
      y_stride: 8,
      normalizes: 0,
      eps: 0,
      has_bias: 0,
      epilogue: EPILOGUE.store,
      asked_only: 1,
    },
  );
  await inOnePass(gpu, (pass) => dispatch(pass, { rows: 3, weightRows: 8 }));
  const got = await downloadFloats(gpu, y);
  expect([...got.subarray(0, 3 * 8)]).toEqual(Array(24).fill(8));
  expect([...got.subarray(3 * 8)]).toEqual(Array(29 * 8).fill(7));
});
