/** A model of random weights as a GGUF file: what llama.cpp's converter would make of it. */
import {
  type TensorType,
  isFloatType,
} from "../../src/model/checkpoint/checkpoint";
import type { ModelConfig, RandomModel } from "../fixtures/random-model";
import { type GgufEntry, ggufFile, type GgufTestTensor } from "./gguf-file";
import { seededInts } from "./random";
import { encode } from "./tensors";

/** Numbers of the types, and bytes of blocks of so many values. */
export const ggufTypes: Record<
  TensorType,
  { id: number; values: number; bytes: number }
> = {
  F32: { id: 0, values: 1, bytes: 4 },
  F16: { id: 1, values: 1, bytes: 2 },
  BF16: { id: 30, values: 1, bytes: 2 },
  Q4_0: { id: 2, values: 32, bytes: 18 },
  Q4_1: { id: 3, values: 32, bytes: 20 },
  Q5_0: { id: 6, values: 32, bytes: 22 },
  Q5_1: { id: 7, values: 32, bytes: 24 },
  Q8_0: { id: 8, values: 32, bytes: 34 },
  Q2_K: { id: 10, values: 256, bytes: 84 },
  Q3_K: { id: 11, values: 256, bytes: 110 },
  IQ4_NL: { id: 20, values: 32, bytes: 18 },
  IQ4_XS: { id: 23, values: 256, bytes: 136 },
  Q4_K: { id: 12, values: 256, bytes: 144 },
  Q5_K: { id: 13, values: 256, bytes: 176 },
  Q6_K: { id: 14, values: 256, bytes: 210 },
};

const architectures = {
  LlamaForCausalLM: "llama",
  Qwen2ForCausalLM: "qwen2",
  Qwen3ForCausalLM: "qwen3",
  Gemma3ForCausalLM: "gemma3",
  SmolLM3ForCausalLM: "smollm3",
  Phi3ForCausalLM: "phi3",
  GraniteForCausalLM: "granite",
};

/** Architectures whose converters store q and k for RoPE on neighbours. */
const PAIRED = ["llama", "smollm3", "granite"];

export interface GgufModel {
  metadata: [key: string, entry: GgufEntry][];
  /** As they are stored. */
  tensors: GgufTestTensor[];
  /** Their bytes under Hugging Face's names, with the rows in Hugging Face's order. */
  rows: Map<string, Uint8Array>;
}

/**
 * @param type of the matrices that have no blocks of their own, except where their rows are no whole blocks; of block types the bytes
 *   are random, which is valid for any of them
 */
export function ggufModel(
  { config, tensors }: RandomModel,
  type: TensorType = "F32",
): GgufModel {
  const arch = architectures[config.architectures[0]!];
  const rows = new Map<string, Uint8Array>();
  const stored: GgufTestTensor[] = [];
  for (const [name, { shape, values, blocks }] of tensors) {
    const isMatrix = shape.length > 1;
    const isWhole = shape.at(-1)! % ggufTypes[type].values === 0;
    const own: TensorType =
      blocks?.type ?? (isMatrix && isWhole ? type : "F32");
    const { id, values: block, bytes: blockBytes } = ggufTypes[own];
    const byteLength = (values.length / block) * blockBytes;
    const bytes =
      blocks?.bytes ??
      (isFloatType(own)
        ? encode(own, values)
        : Uint8Array.from(seededInts(byteLength, 256, rows.size + 1)));
    // Gemma's norms are stored whole.
    const isLess = arch === "gemma3" && !isMatrix;
    const whole = isLess
      ? encode(
          "F32",
          values.map((value) => Math.fround(value + 1)),
        )
      : bytes;
    rows.set(name, whole);

    const isTurned = PAIRED.includes(arch) && /[qk]_proj/.test(name);
    stored.push({
      name: ggufName(name, arch),
      shape,
      typeId: id,
      bytes: isTurned
        ? paired(bytes, bytes.length / shape[0]!, config.head_dim)
        : whole,
    });
  }
  if (config.rope_scaling?.type === "longrope")
    for (const kind of ["long", "short"] as const) {
      const factors = Float32Array.from(config.rope_scaling[`${kind}_factor`]!);
      stored.push({
        name: `rope_factors_${kind}.weight`,
        shape: [factors.length],
        typeId: 0,
        bytes: new Uint8Array(factors.buffer),
      });
    }

  return { metadata: networkMetadata(config), tensors: stored, rows };
}

/**
 * The same model in parts, as gguf-split would write them: tensors by turns, metadata in the first.
 *
 * @returns files by name, such as m-00001-of-00002.gguf
 */
export function splitGguf(
  { metadata, tensors }: Pick<GgufModel, "metadata" | "tensors">,
  count: number,
  stem = "m",
): Record<string, Uint8Array<ArrayBuffer>> {
  const five = (number: number) => String(number).padStart(5, "0");
  const parts = Array.from({ length: count }, (_, part) => {
    const split: GgufModel["metadata"] = [
      ["split.no", ["u16", part]],
      ["split.count", ["u16", count]],
      ["split.tensors.count", ["i32", tensors.length]],
    ];
    const bytes = ggufFile({
      metadata: part === 0 ? [...metadata, ...split] : split,
      tensors: tensors.filter((_, i) => i % count === part),
    });
    return [`${stem}-${five(part + 1)}-of-${five(count)}.gguf`, bytes];
  });
  return Object.fromEntries(parts) as Record<string, Uint8Array<ArrayBuffer>>;
}

/** What a file says of its network; of its tokenizer, see gguf-vocabulary.ts. */
export function networkMetadata(config: ModelConfig): GgufModel["metadata"] {
  const arch = architectures[config.architectures[0]!];
  const scaling = config.rope_scaling;
  const metadata: GgufModel["metadata"] = [
    ["general.architecture", ["string", arch]],
    [`${arch}.block_count`, ["u32", config.num_hidden_layers]],
    [`${arch}.context_length`, ["u32", config.max_position_embeddings]],
    [`${arch}.embedding_length`, ["u32", config.hidden_size]],
    [`${arch}.feed_forward_length`, ["u32", config.intermediate_size]],
    [`${arch}.attention.head_count`, ["u32", config.num_attention_heads]],
    [`${arch}.attention.head_count_kv`, ["u32", config.num_key_value_heads]],
    [`${arch}.attention.key_length`, ["u32", config.head_dim]],
    [`${arch}.attention.value_length`, ["u32", config.head_dim]],
    [
      `${arch}.rope.dimension_count`,
      ["u32", config.head_dim * (config.partial_rotary_factor ?? 1)],
    ],
    [`${arch}.rope.freq_base`, ["f32", config.rope_theta]],
    [`${arch}.attention.layer_norm_rms_epsilon`, ["f32", config.rms_norm_eps]],
  ];
  if (scaling?.rope_type === "linear") {
    metadata.push(
      [`${arch}.rope.scaling.type`, ["string", "linear"]],
      [`${arch}.rope.scaling.factor`, ["f32", scaling.factor!]],
    );
  }
  const more: [key: string, value: number | undefined][] = [
    ["attention.sliding_window", config.sliding_window ?? undefined],
    ["embedding_scale", config.embedding_multiplier],
    ["residual_scale", config.residual_multiplier],
    ["attention.scale", config.attention_multiplier],
    ["logit_scale", config.logits_scaling],
    ["rope.scaling.original_context_length", originalContext(config)],
    ["rope.scaling.attn_factor", config.rope_scaling?.attention_factor],
  ];
  for (const [key, value] of more)
    if (value !== undefined) {
      const isCount = /window|length/.test(key);
      metadata.push([`${arch}.${key}`, [isCount ? "u32" : "f32", value]]);
    }
  return metadata;
}

function originalContext(config: ModelConfig): number | undefined {
  return config.rope_scaling?.type === "longrope"
    ? config.original_max_position_embeddings
    : undefined;
}

/** Rows of each head as RoPE on neighbours wants them: value i of half j at 2i + j. */
function paired(
  bytes: Uint8Array,
  rowBytes: number,
  headDim: number,
): Uint8Array {
  const moved = new Uint8Array(bytes.length);
  for (let head = 0; head < bytes.length / rowBytes / headDim; head++) {
    for (const half of [0, 1]) {
      for (let i = 0; i < headDim / 2; i++) {
        const from = head * headDim + (half * headDim) / 2 + i;
        const to = head * headDim + 2 * i + half;
        const row = bytes.subarray(from * rowBytes, (from + 1) * rowBytes);
        moved.set(row, to * rowBytes);
      }
    }
  }
  return moved;
}

/** The converter's renaming. */
export function ggufName(name: string, arch = "llama"): string {
  const own =
    arch === "gemma3"
      ? name
          .replace("post_attention_layernorm", "post_attention_norm")
          .replace("pre_feedforward_layernorm", "ffn_norm")
          .replace("post_feedforward_layernorm", "post_ffw_norm")
      : name
          .replace("self_attn.qkv_proj", "attn_qkv")
          .replace("mlp.gate_up_proj", "ffn_up");
  return own
    .replace("model.embed_tokens", "token_embd")
    .replace("model.norm", "output_norm")
    .replace("lm_head", "output")
    .replace("model.layers", "blk")
    .replace("input_layernorm", "attn_norm")
    .replace("post_attention_layernorm", "ffn_norm")
    .replace("self_attn.o_proj", "attn_output")
    .replace(/self_attn\.([qkv])_proj/, "attn_$1")
    .replace(/self_attn\.([qk])_norm/, "attn_$1_norm")
    .replace(/mlp\.(gate|up|down)_proj/, "ffn_$1");
}
