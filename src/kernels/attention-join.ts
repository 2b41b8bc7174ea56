import source from "../../shaders/attention-join.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { partials, step } from "./shared";

/** Joins the splits of attention; constants: `head_dim`. */
export const attentionJoin = defineKernel({
  label: "attention-join",
  shared: { step, partials },
  source,
  buffers: { step: "read", partials: "read", out: "read_write" },
  params: { half: "u32", heads: "u32", out_stride: "u32" },
  workgroups: ({ rows, heads }: { rows: number; heads: number }) => [
    rows,
    heads,
  ],
});
