/** A model of a Hugging Face checkpoint as a GGUF file, as llama.cpp's converter would write it. */
import type { ModelConfig } from "../fixtures/random-model";
import { ggufFile, type GgufTensorData, type Metadata } from "./gguf-file";
import { encode, type Tensors } from "./tensors";

const ARCHITECTURES = {
  LlamaForCausalLM: "llama",
  Qwen2ForCausalLM: "qwen2",
  Qwen3ForCausalLM: "qwen3",
};

const PARTS: [string, string][] = [
  ["input_layernorm", "attn_norm"],
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["self_attn.q_norm", "attn_q_norm"],
  ["self_attn.k_norm", "attn_k_norm"],
  ["post_attention_layernorm", "ffn_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.up_proj", "ffn_up"],
  ["mlp.down_proj", "ffn_down"],
];

export function ggufName(name: string): string {
  if (name === "model.embed_tokens.weight") return "token_embd.weight";
  if (name === "model.norm.weight") return "output_norm.weight";
  if (name === "lm_head.weight") return "output.weight";
  const [, layer, rest] = /^model\.layers\.(\d+)\.(.*)$/.exec(name)!;
  const [from, to] = PARTS.find(([part]) => rest!.startsWith(`${part}.`))!;
  return `blk.${layer}.${to}${rest!.slice(from.length)}`;
}

/** Metadata of the network alone; a tokenizer's comes on top. */
export function networkMetadata(config: ModelConfig): Metadata {
  const name = ARCHITECTURES[config.architectures[0]!];
  const of = (entries: Metadata): Metadata =>
    Object.fromEntries(
      Object.entries(entries).map(([key, value]) => [`${name}.${key}`, value]),
    );
  return {
    "general.architecture": ["string", name],
    ...of({
      context_length: ["u32", config.max_position_embeddings],
      embedding_length: ["u32", config.hidden_size],
      block_count: ["u32", config.num_hidden_layers],
      feed_forward_length: ["u32", config.intermediate_size],
      "attention.head_count": ["u32", config.num_attention_heads],
      "attention.head_count_kv": ["u32", config.num_key_value_heads],
      "attention.key_length": ["u32", config.head_dim],
      "attention.value_length": ["u32", config.head_dim],
      "attention.layer_norm_rms_epsilon": ["f32", config.rms_norm_eps],
      "rope.freq_base": ["f32", config.rope_theta],
      "rope.dimension_count": ["u32", config.head_dim],
    }),
  };
}

/** All tensors; of blocks as they are, of floats in their type, norms and biases in F32. */
export function ggufTensors(
  config: ModelConfig,
  tensors: Tensors,
): Record<string, GgufTensorData> {
  const isLlama = config.architectures[0] === "LlamaForCausalLM";
  return Object.fromEntries(
    [...tensors].map(([name, { type, shape, values, blocks }]) => {
      const floatType = shape.length === 1 ? "F32" : type;
      const bytes = blocks?.bytes ?? encode(floatType, values);
      const isRotated = /self_attn\.[qk]_proj/.test(name);
      const stored =
        isLlama && isRotated
          ? inPairs(bytes, shape[0]!, config.head_dim)
          : bytes;
      const data = { type: blocks?.type ?? floatType, shape, bytes: stored };
      return [ggufName(name), data];
    }),
  );
}

export function ggufModel(
  config: ModelConfig,
  tensors: Tensors,
  metadata: Metadata = {},
): Uint8Array<ArrayBuffer> {
  const all = { ...networkMetadata(config), ...metadata };
  return ggufFile(all, ggufTensors(config, tensors));
}

/** convert_hf_to_gguf.py's permute: [heads, 2, d/2, columns] with the two middle ones swapped. */
function inPairs(bytes: Uint8Array, rows: number, headDim: number): Uint8Array {
  const rowBytes = bytes.length / rows;
  const out = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    const [head, place] = [Math.floor(row / headDim), row % headDim];
    const [half, i] = [
      Math.floor(place / (headDim / 2)),
      place % (headDim / 2),
    ];
    const to = head * headDim + 2 * i + half;
    out.set(
      bytes.subarray(row * rowBytes, (row + 1) * rowBytes),
      to * rowBytes,
    );
  }
  return out;
}
