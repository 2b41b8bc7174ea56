// matvec and matmul compute the same thing and pass the same tests.
import { describe, expect, test } from "vitest";
import { WEIGHT_FORMAT } from "../../src/kernels/formats";
import { EPILOGUE } from "../../src/kernels/linear";
import { matmul } from "../../src/kernels/matmul";
import { matvec } from "../../src/kernels/matvec";
import type { MatrixFormat } from "../../src/model/weights/matrix-format";
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
import { testMatrix } from "../support/quantised";
import { seededNormals } from "../support/random";

const gpu = await testGpu();
/** Teams of matvec as for many columns on a GPU, as for few, and as on a software adapter. */
const VARIANTS = {
  matvec: { team_lanes: 32, workgroup_size: 64, row_tile: 1 },
  "matvec, small teams": { team_lanes: 8, workgroup_size: 32, row_tile: 1 },
  "matvec, two rows at a time": {
    team_lanes: 4,
    workgroup_size: 16,
    row_tile: 2,
    is_compact: 1,
  },
};
const names = [
  "matvec",
  "matvec, small teams",
  "matvec, two rows at a time",
  "matmul",
] as const;
const compiled = new Map<string, Promise<LinearKernel>>();
type LinearKernel = Awaited<ReturnType<typeof matmul>>;

/** A pipeline is compiled when a test first needs it. */
function kernelOf(
  name: (typeof names)[number],
  format: MatrixFormat,
  normalizes: boolean,
): Promise<LinearKernel> {
  const key = [name, format, normalizes].join();
  const weight_format = WEIGHT_FORMAT[format];
  const known =
    compiled.get(key) ??
    (name === "matmul"
      ? matmul(gpu, { weight_format })
      : matvec(gpu, {
          weight_format,
          normalizes: Number(normalizes), // not looked at by compact ones
          ...VARIANTS[name],
        }));
  compiled.set(key, known);
  return known;
}

interface Case {
  rows: number;
  inputs: number;
  outputs: number;
  type?: MatrixFormat;
  normalizes?: boolean;
  hasBias?: boolean;
  epilogue?: keyof typeof EPILOGUE;
  scale?: number;
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
  { rows: 1, inputs: 576, outputs: 320, type: "Q4", normalizes: true },
  { rows: 5, inputs: 32, outputs: 3, type: "Q4", hasBias: true }, // one group
  { rows: 8, inputs: 1536, outputs: 70, type: "Q4", epilogue: "add" },
  { rows: 37, inputs: 160, outputs: 65, type: "Q4" },
  { rows: 1, inputs: 576, outputs: 321, type: "Q8", hasBias: true },
  { rows: 3, inputs: 96, outputs: 64, type: "Q8", normalizes: true },
  { rows: 40, inputs: 1024, outputs: 130, type: "Q8", epilogue: "add" },
  { rows: 1, inputs: 896, outputs: 130, type: "Q5", normalizes: true },
  { rows: 4, inputs: 32, outputs: 3, type: "Q5", hasBias: true },
  { rows: 35, inputs: 160, outputs: 66, type: "Q5", epilogue: "add" },
  { rows: 1, inputs: 1024, outputs: 129, type: "Q6", epilogue: "add" },
  { rows: 5, inputs: 32, outputs: 7, type: "Q6" }, // one group, two scales
  { rows: 37, inputs: 96, outputs: 70, type: "Q6", normalizes: true },
  { rows: 1, inputs: 256, outputs: 65, type: "Q2" },
  { rows: 6, inputs: 512, outputs: 9, type: "Q2", hasBias: true },
  { rows: 33, inputs: 768, outputs: 70, type: "Q2", epilogue: "add" },
  { rows: 1, inputs: 256, outputs: 65, type: "Q3" },
  { rows: 6, inputs: 512, outputs: 9, type: "Q3", hasBias: true },
  { rows: 33, inputs: 768, outputs: 70, type: "Q3", normalizes: true },
  { rows: 1, inputs: 576, outputs: 65, type: "IQ4" },
  { rows: 6, inputs: 32, outputs: 9, type: "IQ4", hasBias: true },
  { rows: 33, inputs: 96, outputs: 70, type: "IQ4", epilogue: "add" },
  {
    rows: 3,
    inputs: 160,
    outputs: 65,
    epilogue: "gatedSilu",
    normalizes: true,
    type: "Q5",
  },
  {
    rows: 40,
    inputs: 64,
    outputs: 33,
    epilogue: "gatedSilu",
    normalizes: true,
    type: "Q6",
  },
  {
    rows: 6,
    inputs: 96,
    outputs: 171,
    epilogue: "gatedSilu",
    normalizes: true,
    type: "Q4",
  },
  {
    rows: 33,
    inputs: 64,
    outputs: 33,
    epilogue: "gatedSilu",
    normalizes: true,
    type: "Q8",
  },
  { rows: 33, inputs: 172, outputs: 100, epilogue: "add", hasBias: true },
  {
    rows: 1,
    inputs: 100,
    outputs: 171,
    epilogue: "gatedSilu",
    normalizes: true,
  },
  { rows: 1, inputs: 96, outputs: 64, epilogue: "gatedGelu", normalizes: true },
  { rows: 33, inputs: 172, outputs: 35, epilogue: "gatedGelu" },
  { rows: 1, inputs: 64, outputs: 30, epilogue: "add", scale: 0.22 },
  { rows: 9, inputs: 64, outputs: 30, hasBias: true, scale: 0.125 },
  {
    rows: 40,
    inputs: 100,
    outputs: 171,
    epilogue: "gatedSilu",
    normalizes: true,
    type: "BF16",
  },
];

describe.each(names)("%s", (name) => {
  test.each(cases)(
    "agrees with the reference: $rows × $inputs → $outputs $type $epilogue × $scale norm=$normalizes bias=$hasBias",
    async ({
      rows,
      inputs,
      outputs,
      type = "F32",
      normalizes = false,
      hasBias = false,
      epilogue = "store",
      scale = 1,
    }) => {
      const isGated = epilogue.startsWith("gated");
      const weightRows = isGated ? 2 * outputs : outputs;
      const x = seededNormals(rows * inputs, 1);
      const { weights, scales, values } = testMatrix(
        type,
        weightRows,
        inputs,
        2,
      );
      const bias = seededNormals(outputs, 3);
      const norm = { weight: seededNormals(inputs, 4), eps: 1e-5 };
      const before = seededNormals(rows * outputs, 5);

      const yStride = Math.ceil(outputs / 8) * 8;
      const y = upload(gpu, paddedRows(before, outputs));
      const unused = upload(gpu, new Float32Array(4));
      const buffers = {
        step: uploadStep(gpu, {
          rows: Array.from({ length: rows }, () => ({})),
        }),
        x: upload(gpu, paddedRows(x, inputs)),
        norm_weight: normalizes
          ? upload(gpu, paddedRows(norm.weight, inputs))
          : unused,
        weight: upload(gpu, weights),
        scales: upload(gpu, scales),
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
        first_output: 0,
        asked_only: 0,
        result_scale: scale,
      };
      const kernel = await kernelOf(name, type, normalizes);
      const dispatch = kernel.record(buffers, params);
      await inOnePass(gpu, (pass) => dispatch(pass, { rows, weightRows }));

      const expected = reference(x, values, {
        inputs,
        ...(hasBias && { bias }),
        ...(normalizes && { norm }),
        ...(isGated && {
          gated: epilogue === "gatedGelu" ? "gelu" : "silu",
        }),
        scale,
        ...(epilogue === "add" && { residual: before }),
      });
      const got = withoutPadding(await downloadFloats(gpu, y), outputs);
      expect(got).toBeCloseToArray(expected, 3e-6);
    },
  );
});

test.each(names)(
  "%s leaves rows that the step does not have alone, and results of other parts",
  async (name) => {
    const y = upload(gpu, new Float32Array(32 * 16).fill(7));
    const unused = upload(gpu, new Float32Array(8));
    const kernel = await kernelOf(name, "F32", false);
    const dispatch = kernel.record(
      {
        step: uploadStep(gpu, {
          rows: Array.from({ length: 20 }, () => ({})),
          askedRows: 3,
        }),
        x: upload(gpu, new Float32Array(32 * 8).fill(1)),
        norm_weight: unused,
        weight: upload(gpu, new Float32Array(6 * 8).fill(1)),
        scales: unused,
        bias: upload(
          gpu,
          Float32Array.from({ length: 16 }, (_, i) => i),
        ),
        y,
      },
      {
        chunks: 1,
        columns: 8,
        outputs: 6,
        y_stride: 16,
        normalizes: 0,
        eps: 0,
        has_bias: 1,
        epilogue: EPILOGUE.store,
        first_output: 5,
        asked_only: 1,
        result_scale: 1,
      },
    );
    await inOnePass(gpu, (pass) => dispatch(pass, { rows: 3, weightRows: 6 }));
    const got = await downloadFloats(gpu, y);
    const sevens = (count: number) => Array<number>(count).fill(7);
    // The part's six results lie behind five of another, and have their own biases.
    const row = [...sevens(5), 13, 14, 15, 16, 17, 18, ...sevens(5)];
    expect([...got.subarray(0, 3 * 16)]).toEqual([...row, ...row, ...row]);
    expect([...got.subarray(3 * 16)]).toEqual(sevens(29 * 16));
  },
);
