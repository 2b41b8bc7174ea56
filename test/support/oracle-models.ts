/**
 * Small random models in GGUF files, the same each time: what llama.cpp made of them is in
 * test/golden/llama-cpp.json (tools/oracle).
 */
import type { BlockType } from "../../src/model/checkpoint/checkpoint";
import { randomModel, type RandomModelOptions } from "../fixtures/random-model";
import { dequantised } from "../reference/blocks";
import { ggufFile } from "./gguf-file";
import { type GgufModel, ggufModel } from "./gguf-model";
import { randomBlocks } from "./random-blocks";
import { seededInts } from "./random";

export interface OracleModel {
  name: string;
  file: Uint8Array<ArrayBuffer>;
  /** What it is asked about. */
  tokens: number[];
}

/** Positions whose logits are kept: from here to the last token. */
export const FIRST_KEPT = 16;
const TOKENS = 24;

const SHAPE: RandomModelOptions = {
  hiddenSize: 256,
  intermediateSize: 512,
  layers: 2,
  heads: 8,
  kvHeads: 2,
  headDim: 32,
  vocabSize: 512,
  isTied: false,
};

/** The architecture, and what it needs besides the shape. */
const ARCHITECTURES: Record<string, RandomModelOptions> = {
  llama: { architecture: "LlamaForCausalLM" },
  qwen2: { architecture: "Qwen2ForCausalLM" },
  qwen3: { architecture: "Qwen3ForCausalLM" },
  /** llama.cpp takes the windows of every sixth layer, and the heads' size for the scale, for granted. */
  gemma3: {
    preset: "gemma-3",
    layers: 6,
    particulars: {
      sliding_window: 8,
      sliding_window_pattern: 6,
      rope_local_base_freq: 10_000,
      query_pre_attn_scalar: 32,
    },
  },
  /** And every fourth layer without RoPE. */
  smollm3: { preset: "smollm3", layers: 4 },
  phi3: { preset: "phi-4-mini" },
  granite: { preset: "granite-3" },
};

/** The first architectures, which are also held in 8 and 4 bit. */
const QUANTISED = ["llama", "qwen2", "qwen3"];

const SETS: Record<string, readonly BlockType[]> = {
  Q8_0: ["Q8_0"],
  Q4_0: ["Q4_0"],
  Q4_K_M: ["Q4_K", "Q4_K", "Q6_K", "Q5_K"],
  mixed: ["Q5_0", "Q4_1", "Q5_1", "Q8_0"],
};

/** About the deviation that keeps activations near 1, for random bytes of a type. */
const SPREADS: Record<BlockType, number> = {
  Q2_K: 0.05,
  Q3_K: 0.022,
  IQ4_NL: 0.0145,
  IQ4_XS: 0.0008,
  Q4_0: 0.22,
  Q4_1: 0.12,
  Q5_0: 0.11,
  Q5_1: 0.06,
  Q8_0: 0.0135,
  Q4_K: 0.004,
  Q5_K: 0.002,
  Q6_K: 0.0015,
};

/** One of each architecture in F32, the first of them in 8 bit and 4 bit, and llama in the other types. */
export function oracleModels(): OracleModel[] {
  return [
    ...QUANTISED.flatMap((name) =>
      ["F32", "Q8_0", "Q4_0"].map((set) => oracleModel(name, set)),
    ),
    ...["Q4_K_M", "mixed"].map((set) => oracleModel("llama", set)),
    ...Object.keys(ARCHITECTURES)
      .filter((name) => !QUANTISED.includes(name))
      .map((name) => oracleModel(name, "F32")),
  ];
}

function oracleModel(architecture: string, set: string): OracleModel {
  const model = randomModel({
    ...SHAPE,
    ...ARCHITECTURES[architecture],
    seed: 5,
  });
  const types = SETS[set] ?? [];
  let index = 0;
  for (const tensor of model.tensors.values()) {
    if (tensor.shape.length === 1 || types.length === 0) continue;
    const type = types[index++ % types.length]!;
    const spread = SPREADS[type] / Math.sqrt(tensor.shape[1]!);
    const { length } = tensor.values;
    const bytes = randomBlocks(type, length, 100 * index, spread);
    tensor.blocks = { type, bytes };
    tensor.values = Float32Array.from(dequantised(type, bytes));
  }
  const { metadata, tensors } = ggufModel(model);
  return {
    name: `${architecture} ${set}`,
    file: ggufFile({ metadata: [...metadata, ...TOKENIZER], tensors }),
    tokens: [...seededInts(TOKENS, 512, 77)],
  };
}

/** A vocabulary that llama.cpp takes: bytes as GPT-2 spells them, then names. */
const TOKENIZER: GgufModel["metadata"] = [
  ["general.name", ["string", "random"]],
  ["tokenizer.ggml.model", ["string", "gpt2"]],
  ["tokenizer.ggml.pre", ["string", "gpt-2"]],
  [
    "tokenizer.ggml.tokens",
    [
      "string[]",
      Array.from({ length: 512 }, (_, i) => (i === 10 ? "Ċ" : `<t${i}>`)),
    ],
  ],
  ["tokenizer.ggml.token_type", ["i32[]", Array<number>(512).fill(1)]],
  ["tokenizer.ggml.merges", ["string[]", ["a b"]]],
  ["tokenizer.ggml.eos_token_id", ["u32", 1]],
  ["tokenizer.ggml.bos_token_id", ["u32", 0]],
  ["tokenizer.ggml.add_bos_token", ["bool", false]],
];
