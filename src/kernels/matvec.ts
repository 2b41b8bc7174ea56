import source from "../../shaders/matvec.wgsl?raw";
import { defineKernel } from "../gpu/kernel";

/** What becomes of a result: as in matvec.wgsl and matmul.wgsl. */
export const EPILOGUE = { store: 0, add: 1, gated: 2 } as const;

/** y = epilogue(norm(x) · Wᵀ + bias) for a few rows; constants: `weight_format`, `workgroup_size`, `row_tile`. */
export const matvec = defineKernel({
  label: "matvec",
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
  workgroups: (
    { rows, weightRows }: { rows: number; weightRows: number },
    { row_tile = 1 },
  ) => [Math.ceil(weightRows / 4), Math.ceil(rows / row_tile)],
});

/**
 * Invocations for rows of `columns` values: two chunks of eight for each, as far as that goes. More
 * would idle, which costs little on a GPU and most of the time on a software adapter.
 */
export function matvecLanes(columns: number, most: number): number {
  const wanted = 2 ** Math.floor(Math.log2(columns / 16));
  return Math.min(most, Math.max(16, wanted));
}
