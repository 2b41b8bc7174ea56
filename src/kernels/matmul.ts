import source from "../../shaders/matmul.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { LINEAR, type LinearShape } from "./linear";

/** A linear layer for many rows, in tiles of 32 rows × 64 outputs; constants: `weight_format`. */
export const matmul = defineKernel({
  label: "matmul",
  ...LINEAR,
  source,
  workgroups: ({ rows, weightRows }: LinearShape) => [
    Math.ceil(weightRows / 64),
    Math.ceil(rows / 32),
  ],
});
