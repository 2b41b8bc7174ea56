/** A GGUF file's metadata as the config.json that its model has elsewhere. */
import { ModelFormatError } from "../util/errors";
import type { Architecture } from "./config";
import type { GgufHeader, GgufValue } from "./gguf-header";

/** By general.architecture; Mistral's models call themselves llama. */
const ARCHITECTURES: Record<string, Architecture> = {
  llama: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
};

/**
 * The object of a config.json, for `readConfig` to check.
 *
 * @param ropeFactors what the tensor rope_freqs.weight holds: Llama 3's divisors of the frequencies
 * @throws ModelFormatError for another architecture
 */
export function ggufConfig(
  { metadata, tensors }: GgufHeader,
  file: string,
  ropeFactors: readonly number[] | undefined,
): Record<string, unknown> {
  const name = metadata.get("general.architecture");
  const architecture =
    typeof name === "string" && Object.hasOwn(ARCHITECTURES, name)
      ? ARCHITECTURES[name]
      : undefined;
  if (architecture === undefined)
    throw new ModelFormatError({
      file,
      expected: `an architecture of ${Object.keys(ARCHITECTURES).join(", ")}`,
      found: JSON.stringify(name ?? "none"),
    });
  const of = (key: string): GgufValue | undefined =>
    metadata.get(`${String(name)}.${key}`);
  const shapes = new Map(tensors.map((tensor) => [tensor.name, tensor.shape]));
  const heads = of("attention.head_count");
  const hidden = of("embedding_length");
  const headDim = of("attention.key_length") ?? Number(hidden) / Number(heads);
  const window = of("attention.sliding_window");
  return {
    architectures: [architecture],
    hidden_size: hidden,
    intermediate_size: of("feed_forward_length"),
    num_hidden_layers: of("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: of("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: of("attention.layer_norm_rms_epsilon"),
    rope_theta: of("rope.freq_base"),
    rope_scaling: ropeScaling(of, ropeFactors),
    partial_rotary_factor:
      Number(of("rope.dimension_count") ?? headDim) / Number(headDim),
    max_position_embeddings: of("context_length"),
    vocab_size: shapes.get("token_embd.weight")?.[0],
    tie_word_embeddings: !shapes.has("output.weight"),
    attention_bias: shapes.has("blk.0.attn_output.bias"),
    ...(typeof window === "number" &&
      window > 0 && {
        sliding_window: window,
        use_sliding_window: true,
      }),
  };
}

function ropeScaling(
  of: (key: string) => GgufValue | undefined,
  factors: readonly number[] | undefined,
): object | null {
  if (factors) return { rope_type: "factors", factors };
  const type = of("rope.scaling.type");
  if (type === undefined || type === "none") return null;
  return { rope_type: type, factor: of("rope.scaling.factor") };
}
