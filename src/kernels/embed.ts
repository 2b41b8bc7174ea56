import source from "../../shaders/embed.wgsl?raw";
import { defineKernel } from "../gpu/kernel";

/** x[row] = table[token(row)]; constants: `weight_format`. */
export const embed = defineKernel({
  label: "embed",
  source,
  buffers: { step: "read", sampled: "read", weight: "read", x: "read_write" },
  params: { chunks: "u32", vocab_size: "u32" },
  workgroups: ({ rows }: { rows: number }) => [rows],
});
