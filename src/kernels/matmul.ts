import source from "../../shaders/matmul.wgsl?raw";
import { defineKernel } from "../gpu/kernel";

/** What matvec computes, tiled for many rows; constants: `weight_format`. */
export const matmul = defineKernel({
  label: "matmul",
  source,
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
  },
  /** `weightRows`: outputs, twice that when gated. */
  workgroups: ({ rows, weightRows }: { rows: number; weightRows: number }) => [
    Math.ceil(weightRows / 64),
    Math.ceil(rows / 32),
  ],
});
