import source from "../../shaders/even-scores-join.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { scoring } from "./shared";

/** Log of the sum of exponents and greatest score of each unit and row, from the softmaxes of its pages. */
export const evenScoresJoin = defineKernel({
  label: "even-scores-join",
  shared: { scoring },
  source,
  buffers: {
    scoring: "read",
    units: "read",
    softmaxes: "read",
    unit_softmaxes: "read_write",
  },
  params: { head: "u32" },
  workgroups: (
    { units, rows }: { units: number; rows: number },
    { workgroup_size = 32 },
  ) => [units, Math.ceil(rows / workgroup_size)],
});
