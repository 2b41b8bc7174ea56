import source from "../../shaders/page-mass.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { partials, step } from "./shared";

/** Mean attention mass of each head on each page, over the asked rows: [heads][pages]; constants: `head_dim`. */
export const pageMass = defineKernel({
  label: "page-mass",
  shared: { step, partials },
  source,
  buffers: {
    step: "read",
    partials: "read",
    mass: "read",
    page_mass: "read_write",
  },
  params: {
    half: "u32",
    heads: "u32",
    group: "u32",
    tiles_per_page: "u32",
  },
  workgroups: ({ pages }: { pages: number }) => [pages],
});
