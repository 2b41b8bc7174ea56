/** What models of a type do differently from Llama, as transformers computes it: from a config.json alone. */
import type { RopeScaling } from "./rope";

/** The fields that say so. */
export interface ParticularFields {
  model_type?: string;
  hidden_size: number;
  rope_theta: number;
  rope_scaling?: RopeScaling | null;
  sliding_window?: number | null;
  use_sliding_window?: boolean;
  /** Gemma 3 */
  rope_local_base_freq?: number;
  sliding_window_pattern?: number;
  query_pre_attn_scalar?: number;
  /** SmolLM3 */
  no_rope_layers?: number[];
  /** Phi-3 */
  partial_rotary_factor?: number;
  original_max_position_embeddings?: number;
  max_position_embeddings?: number;
  /** Granite */
  embedding_multiplier?: number;
  residual_multiplier?: number;
  attention_multiplier?: number;
  logits_scaling?: number;
}

export interface LayerParticulars {
  theta: number;
  scaling: RopeScaling | null;
  /** Whether queries and keys are rotated at all. */
  isRotated: boolean;
  /** The most tokens that a row sees, its own included. */
  window: number;
}

export interface Particulars {
  embeddingScale: number;
  residualScale: number;
  logitScale: number;
  /** Undefined: 1 / √head_dim. */
  scoreScale: number | undefined;
  /** Values of a head that are rotated: this share, from the first on. */
  rotaryShare: number;
  activation: (x: number) => number;
  /** Added to the weights of norms. */
  normOffset: number;
  /** Names of the norms around the MLP, and behind attention. */
  norms: { beforeMlp: string; afterAttention?: string; afterMlp?: string };
  layer: (index: number) => LayerParticulars;
}

/** @param contextTokens the context asked for, which chooses LongRoPE's factors */
export function particularsOf(
  config: ParticularFields,
  contextTokens = 0,
): Particulars {
  const plain: Particulars = {
    embeddingScale: 1,
    residualScale: 1,
    logitScale: 1,
    scoreScale: undefined,
    rotaryShare: 1,
    activation: (x) => x / (1 + Math.exp(-x)),
    normOffset: 0,
    norms: { beforeMlp: "post_attention_layernorm" },
    layer: () => ({
      theta: config.rope_theta,
      scaling: config.rope_scaling ?? null,
      isRotated: true,
      window:
        (config.use_sliding_window !== false && config.sliding_window) ||
        Infinity,
    }),
  };
  switch (config.model_type) {
    case "gemma3_text":
      return {
        ...plain,
        embeddingScale: Math.sqrt(config.hidden_size),
        scoreScale: config.query_pre_attn_scalar! ** -0.5,
        activation: geluTanh,
        normOffset: 1,
        norms: {
          beforeMlp: "pre_feedforward_layernorm",
          afterAttention: "post_attention_layernorm",
          afterMlp: "post_feedforward_layernorm",
        },
        layer: (index) =>
          (index + 1) % config.sliding_window_pattern! === 0
            ? { ...plain.layer(index), window: Infinity }
            : {
                theta: config.rope_local_base_freq!,
                scaling: null,
                isRotated: true,
                window: config.sliding_window!,
              },
      };
    case "smollm3":
      return {
        ...plain,
        layer: (index) => ({
          ...plain.layer(index),
          isRotated: config.no_rope_layers![index] === 1,
        }),
      };
    case "phi3":
      return {
        ...plain,
        rotaryShare: config.partial_rotary_factor ?? 1,
        layer: (index) => ({
          ...plain.layer(index),
          scaling: longRope(config, contextTokens),
        }),
      };
    case "granite":
      return {
        ...plain,
        embeddingScale: config.embedding_multiplier!,
        residualScale: config.residual_multiplier!,
        scoreScale: config.attention_multiplier!,
        logitScale: 1 / config.logits_scaling!,
      };
    default:
      return plain;
  }
}

function geluTanh(x: number): number {
  const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  return 0.5 * x * (1 + Math.tanh(inner));
}

/** One of the two lists of factors, and what cos and sin are multiplied by. */
function longRope(
  config: ParticularFields,
  contextTokens: number,
): RopeScaling | null {
  const scaling = config.rope_scaling;
  if (scaling?.type !== "longrope") return scaling ?? null;
  const original = config.original_max_position_embeddings!;
  return {
    type: "factors",
    factors:
      contextTokens > original ? scaling.long_factor! : scaling.short_factor!,
    magnitude:
      scaling.attention_factor ??
      Math.sqrt(
        1 +
          Math.log(config.max_position_embeddings! / original) /
            Math.log(original),
      ),
  };
}
