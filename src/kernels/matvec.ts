import source from "../../shaders/matvec.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { LINEAR, type LinearShape } from "./linear";

/** A linear layer for a few rows; constants: `weight_format`, `workgroup_size`, `row_tile`. */
export const matvec = defineKernel({
  label: "matvec",
  ...LINEAR,
  source,
  workgroups: ({ rows, weightRows }: LinearShape, { row_tile = 1 }) => [
    Math.ceil(weightRows / 4),
    Math.ceil(rows / row_tile),
  ],
});

/**
 * Invocations for rows of `columns` values: enough for two chunks of eight each. More would idle, which costs
 * little on a GPU and most of the time on a software adapter.
 */
export function matvecLanes(columns: number, most: number): number {
  const wanted = 2 ** Math.floor(Math.log2(columns / 16));
  return Math.min(most, Math.max(16, wanted));
}
