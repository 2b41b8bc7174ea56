/**
 * A GGUF file's metadata as the object of a config.json, for `readConfig`: the same network gives the
 * same configuration, whichever of the two formats it comes in.
 */
import type { Architecture } from "../config/config";
import type { GgufHeader } from "./header";
import { GgufMetadata } from "./metadata";

/** Mistral's networks are called llama too. */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ["llama", "LlamaForCausalLM"],
  ["qwen2", "Qwen2ForCausalLM"],
  ["qwen3", "Qwen3ForCausalLM"],
]);

/**
 * The object of a config.json.
 *
 * @param ropeFactors what each of RoPE's frequencies is divided by, where the file says so
 * @throws ModelFormatError for another architecture, or one with parts that config.json has no word for
 */
export function ggufConfig(
  header: GgufHeader,
  ropeFactors: readonly number[] | undefined,
): Record<string, unknown> {
  const metadata = new GgufMetadata(header);
  const name = metadata.present(
    "general.architecture",
    metadata.text("general.architecture"),
  );
  const architecture = ARCHITECTURES.get(name);
  if (architecture === undefined) {
    const known = [...ARCHITECTURES.keys()].join(", ");
    throw metadata.problem(`general.architecture: ${known}`, name);
  }
  const optional = (key: string) => metadata.number(`${name}.${key}`);
  const needed = (key: string) =>
    metadata.present(`${name}.${key}`, optional(key));

  expectOneNetwork(metadata, name);
  const heads = needed("attention.head_count");
  const hiddenSize = needed("embedding_length");
  const contextTokens = needed("context_length");
  const headDim = optional("attention.key_length") ?? hiddenSize / heads;
  const valueDim = optional("attention.value_length") ?? headDim;
  if (valueDim !== headDim) {
    throw metadata.problem(
      `${name}.attention.value_length: as attention.key_length, ${headDim}`,
      String(valueDim),
    );
  }
  const windowTokens = optional("attention.sliding_window") ?? 0;

  return {
    architectures: [architecture],
    model_type: name,
    hidden_size: hiddenSize,
    intermediate_size: needed("feed_forward_length"),
    num_hidden_layers: needed("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: optional("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: decimal(needed("attention.layer_norm_rms_epsilon")),
    rope_theta: decimal(optional("rope.freq_base") ?? 10_000),
    rope_scaling: ropeScaling(metadata, name, ropeFactors),
    partial_rotary_factor:
      (optional("rope.dimension_count") ?? headDim) / headDim,
    max_position_embeddings: contextTokens,
    vocab_size: vocabularyRows(header, metadata),
    tie_word_embeddings: !header.tensors.has("output.weight"),
    attention_bias: name !== "qwen2" && header.tensors.has("blk.0.attn_q.bias"),
    mlp_bias: header.tensors.has("blk.0.ffn_gate.bias"),
    sliding_window: windowTokens || null,
    use_sliding_window: windowTokens > 0 && windowTokens < contextTokens,
  };
}

/** Refuses parts of a model, and layers that are several networks. */
function expectOneNetwork(metadata: GgufMetadata, name: string): void {
  const files = metadata.number("split.count") ?? 1;
  if (files > 1) {
    throw metadata.problem(
      "the whole model in one file (llama-gguf-split --merge makes one)",
      `one of ${files} parts`,
    );
  }
  const experts = metadata.number(`${name}.expert_count`) ?? 0;
  if (experts > 0) {
    throw metadata.problem(`${name}.expert_count: 0`, String(experts));
  }
}

/** As many as the embedding table has rows; the list of tokens may be shorter. */
function vocabularyRows(header: GgufHeader, metadata: GgufMetadata): number {
  const table = header.tensors.get("token_embd.weight");
  return metadata.present("tensor token_embd.weight", table).shape[0]!;
}

/** `rope_scaling` of a config.json; other kinds pass as they are, and are refused there by name. */
function ropeScaling(
  metadata: GgufMetadata,
  name: string,
  ropeFactors: readonly number[] | undefined,
): object | null {
  const type = metadata.text(`${name}.rope.scaling.type`) ?? "linear";
  const factor =
    metadata.number(`${name}.rope.scaling.factor`) ??
    metadata.number(`${name}.rope.scale_linear`) ??
    1;
  const isScaled = type !== "none" && (type !== "linear" || factor !== 1);
  if (ropeFactors === undefined) {
    return isScaled ? { rope_type: type, factor: decimal(factor) } : null;
  }
  if (isScaled) {
    throw metadata.problem(
      `${name}.rope.scaling.type: none beside a tensor rope_freqs.weight`,
      type,
    );
  }
  return { rope_type: "factors", factors: ropeFactors };
}

/** The shortest decimal of a float32: config.json says 1e-5 where this format has 9.99999974e-6. */
function decimal(float32: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(float32.toPrecision(digits));
    if (Math.fround(short) === float32) return short;
  }
  return float32;
}
