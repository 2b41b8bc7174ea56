import source from "../../shaders/embed.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { step, weights } from "./shared";

/** x[row] = table[token(row)]; constants: `weight_format`. */
export const embed = defineKernel({
  label: "embed",
  shared: { step, weights },
  source,
  buffers: {
    step: "read",
    sampled: "read",
    weight: "read",
    scales: "read",
    x: "read_write",
  },
  params: {
    chunks: "u32",
    vocab_size: "u32",
    first_token: "u32",
    token_count: "u32",
    scale: "f32",
  },
  workgroups: ({ rows }: { rows: number }) => [rows],
});
