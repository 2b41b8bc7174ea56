import source from "../../shaders/rms-norm.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step, sum } from "./shared";

/** The asked rows of x, normalised for the head. */
export const rmsNorm = defineKernel({
  label: "rms-norm",
  shared: { step, sum },
  source,
  buffers: { step: "read", x: "read", weight: "read", y: "read_write" },
  params: { chunks: "u32", columns: "u32", eps: "f32" },
  workgroups: ({ asked }: { asked: number }) => [asked],
});
