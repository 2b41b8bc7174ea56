import source from "../../shaders/norm-add.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step, sum } from "./shared";

/** residual += norm(x) · scale: for layers with norms behind attention and MLP. */
export const normAdd = defineKernel({
  label: "norm-add",
  shared: { step, sum },
  source,
  buffers: { step: "read", x: "read", weight: "read", residual: "read_write" },
  params: { chunks: "u32", columns: "u32", eps: "f32", scale: "f32" },
  workgroups: ({ rows }: { rows: number }) => [rows],
});
