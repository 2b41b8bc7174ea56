/** What GGUF files of most decoders share: names of tensors, keys of metadata. */
import type { GgufFacts } from "./architecture";

/** By Hugging Face's names; see GgufFormat. */
export const decoderTensors: readonly (readonly [string, string])[] = [
  ["model.embed_tokens", "token_embd"],
  ["model.norm", "output_norm"],
  ["lm_head", "output"],
  ["input_layernorm", "attn_norm"],
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["post_attention_layernorm", "ffn_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.up_proj", "ffn_up"],
  ["mlp.down_proj", "ffn_down"],
];

/** Divisors of RoPE's frequencies. */
export const ROPE_FACTORS = "rope_freqs.weight";

/**
 * The fields of a config.json for a decoder's sizes and its RoPE.
 *
 * @throws ModelFormatError for metadata that is missing, or that no config.json could express
 */
export function decoderConfig(file: GgufFacts): Record<string, unknown> {
  const heads = file.needed("attention.head_count");
  const hiddenSize = file.needed("embedding_length");
  const contextTokens = file.needed("context_length");
  const headDim = file.number("attention.key_length") ?? hiddenSize / heads;
  const valueDim = file.number("attention.value_length") ?? headDim;
  if (valueDim !== headDim)
    throw file.problem(
      "attention.value_length",
      `as attention.key_length, ${headDim}`,
      String(valueDim),
    );
  const windowTokens = file.number("attention.sliding_window") ?? 0;
  return {
    hidden_size: hiddenSize,
    intermediate_size: file.needed("feed_forward_length"),
    num_hidden_layers: file.needed("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: file.number("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: decimal(file.needed("attention.layer_norm_rms_epsilon")),
    rope_theta: decimal(file.number("rope.freq_base") ?? 10_000),
    rope_scaling: ropeScaling(file),
    partial_rotary_factor:
      (file.number("rope.dimension_count") ?? headDim) / headDim,
    max_position_embeddings: contextTokens,
    tie_word_embeddings: file.shapeOf("output.weight") === undefined,
    mlp_bias: file.shapeOf("blk.0.ffn_gate.bias") !== undefined,
    sliding_window: windowTokens || null,
    use_sliding_window: windowTokens > 0 && windowTokens < contextTokens,
  };
}

/** `rope_scaling` of a config.json; unknown kinds are passed on and refused there by name. */
function ropeScaling(file: GgufFacts): object | null {
  const key = "rope.scaling.type";
  const type = file.text(key) ?? "linear";
  const factor =
    file.number("rope.scaling.factor") ?? file.number("rope.scale_linear") ?? 1;
  const isScaled = type !== "none" && (type !== "linear" || factor !== 1);
  const factors = file.vector(ROPE_FACTORS);
  if (factors === undefined)
    return isScaled ? { rope_type: type, factor: decimal(factor) } : null;
  if (isScaled)
    throw file.problem(key, `none beside a tensor ${ROPE_FACTORS}`, type);
  return { rope_type: "factors", factors };
}

/** The shortest decimal of a float32: config.json says 1e-5 where this format has 9.99999974e-6. */
export function decimal(float32: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(float32.toPrecision(digits));
    if (Math.fround(short) === float32) return short;
  }
  return float32;
}
