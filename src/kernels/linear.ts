/** Shared by the kernels of linear layers: matvec for a few rows, matmul for many. */
import { linear, step, weights } from "./shared";

/** How a result is written: `params.epilogue`, in shared/linear.wgsl. */
export const EPILOGUE = {
  store: 0,
  add: 1,
  gatedSilu: 2,
  gatedGelu: 3,
} as const;

/** y = epilogue(norm(x) · Wᵀ + bias); constants: `weight_format`. */
export const LINEAR = {
  shared: { step, linear, weights },
  buffers: {
    step: "read",
    x: "read",
    norm_weight: "read",
    weight: "read",
    scales: "read",
    bias: "read",
    y: "read_write",
  },
  params: {
    chunks: "u32",
    columns: "u32",
    outputs: "u32",
    y_stride: "u32",
    normalizes: "u32",
    eps: "f32",
    has_bias: "u32",
    epilogue: "u32",
    first_output: "u32",
    asked_only: "u32",
    result_scale: "f32",
  },
} as const;

export interface LinearShape {
  rows: number;
  /** Outputs, twice that when gated. */
  weightRows: number;
}
