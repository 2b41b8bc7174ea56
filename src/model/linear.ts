/** A linear layer: the kernel for few rows and the one for many, behind one call. */
import type { Pass } from "../gpu/gpu";
import { EPILOGUE } from "../kernels/matvec";
import type { KernelSet } from "./kernel-set";

/** A weight matrix on the GPU, its rows padded with zeros to a multiple of eight columns. */
export interface Matrix {
  buffer: GPUBuffer;
  rows: number;
  columns: number;
}

/** Values from one padded row to the next. */
export function strideOf(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}

export interface Linear {
  /** [rows, strideOf(weight.columns)] */
  x: GPUBuffer;
  weight: Matrix;
  /** [rows, yStride] */
  y: GPUBuffer;
  yStride: number;
  /** RMS norm of x before: its weights, [strideOf(weight.columns)]. */
  norm?: { weight: GPUBuffer; eps: number };
  /** [outputs] */
  bias?: GPUBuffer | undefined;
  epilogue?: keyof typeof EPILOGUE;
  /** Whether x holds the asked rows of the step alone. */
  askedOnly?: boolean;
}

/** Up to so many rows the weights are read again for each row; beyond, tiles pay off. */
const FEW_ROWS = 4;

/** Records y = epilogue(norm(x) · weightᵀ + bias) for any number of rows. */
export function recordLinear(
  kernels: KernelSet,
  step: GPUBuffer,
  {
    x,
    weight,
    y,
    yStride,
    norm,
    bias,
    epilogue = "store",
    askedOnly = false,
  }: Linear,
): (pass: Pass, rows: number) => void {
  const unused = weight.buffer; // bound where the kernel will not look
  const buffers = {
    x,
    norm_weight: norm?.weight ?? unused,
    weight: weight.buffer,
    bias: bias ?? unused,
    y,
  };
  const params = {
    chunks: strideOf(weight.columns) / 8,
    columns: weight.columns,
    outputs: epilogue === "gated" ? weight.rows / 2 : weight.rows,
    y_stride: yStride,
    normalizes: Number(norm !== undefined),
    eps: norm?.eps ?? 0,
    has_bias: Number(bias !== undefined),
    epilogue: EPILOGUE[epilogue],
  };
  const few = kernels.matvec.record(buffers, params);
  const many = kernels.matmul.record(
    { step, ...buffers },
    { ...params, asked_only: Number(askedOnly) },
  );
  return (pass, rows) =>
    (rows <= FEW_ROWS ? few : many)(pass, { rows, weightRows: weight.rows });
}
