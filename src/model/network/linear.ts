/** A linear layer: the kernel for few rows and the one for many, behind one call. */
import type { Pass } from "../../gpu/gpu";
import { EPILOGUE } from "../../kernels/linear";
import type { KernelSet, MatvecKernels } from "./kernel-set";
import type { Matrix } from "../weights/matrix";
import { strideOf } from "../weights/matrix-format";

export interface Linear {
  /** [rows, strideOf(weight.columns)] */
  x: GPUBuffer;
  weight: Matrix;
  /** [rows, yStride] */
  y: GPUBuffer;
  yStride: number;
  /** Weights of the RMS norm applied to x first, [strideOf(weight.columns)]. */
  norm?: { weight: GPUBuffer; eps: number };
  /** [outputs] */
  bias?: GPUBuffer | undefined;
  epilogue?: keyof typeof EPILOGUE;
  /** Factor for results, with their bias; gated ones have none. Default 1. */
  scale?: number;
  /** Whether x holds only the asked rows of the step. */
  askedOnly?: boolean;
  /** Kernels for few rows, where they are not chosen by the matrix. */
  matvec?: MatvecKernels;
}

/** Up to this many rows matvec is used; beyond, matmul's tiles pay off. */
const FEW_ROWS = 8;

/**
 * Records y = epilogue(norm(x) · weightᵀ + bias) for any number of rows.
 *
 * @throws RangeError for a gated matrix in parts: gate and up rows must be in the same binding
 */
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
    scale = 1,
    askedOnly = false,
    matvec,
  }: Linear,
): (pass: Pass, rows: number) => void {
  const { columns, parts } = weight;
  const isGated = epilogue === "gatedSilu" || epilogue === "gatedGelu";
  if (isGated && parts.length > 1)
    throw new RangeError(
      `a gated matrix of ${weight.rows} rows in ${parts.length} parts`,
    );
  const recorded = parts.map(({ format, weights, scales, rows, firstRow }) => {
    const unused = weights; // bound where the kernel will not look
    const buffers = {
      step,
      x,
      norm_weight: norm?.weight ?? unused,
      weight: weights,
      scales: scales ?? unused,
      bias: bias ?? unused,
      y,
    };
    const params = {
      chunks: strideOf(columns) / 8,
      columns,
      outputs: isGated ? rows / 2 : rows,
      y_stride: yStride,
      normalizes: Number(norm !== undefined),
      eps: norm?.eps ?? 0,
      has_bias: Number(bias !== undefined),
      epilogue: EPILOGUE[epilogue],
      first_output: firstRow,
      asked_only: Number(askedOnly),
      result_scale: scale,
    };
    const { matmul, matvecFor } = kernels.linear[format]!;
    const { one, few } = matvec ?? matvecFor(columns, norm !== undefined);
    return {
      weightRows: rows,
      one: one.record(buffers, params),
      few: few.record(buffers, params),
      many: matmul.record(buffers, params),
    };
  });
  return (pass, rows) => {
    for (const { weightRows, one, few, many } of recorded) {
      const dispatch = rows === 1 ? one : rows <= FEW_ROWS ? few : many;
      dispatch(pass, { rows, weightRows });
    }
  };
}
