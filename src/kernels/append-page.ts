import source from "../../shaders/append-page.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step } from "./shared";

/** Enters the page that a decode step writes to into the page tables of both halves, or of their local layers. */
export const appendPage = defineKernel({
  label: "append-page",
  shared: { step },
  source,
  buffers: {
    step: "read",
    lower_table: "read_write",
    upper_table: "read_write",
  },
  params: { is_local: "u32" },
  workgroups: () => [1],
});
