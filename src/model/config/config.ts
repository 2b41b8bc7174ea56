/**
 * A model's config.json, checked once at the border: what comes out of `readConfig` is a network
 * that the runtime can compute, in numbers that fit together.
 */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import { checked } from "./check-json";

const ARCHITECTURES = [
  "LlamaForCausalLM",
  "MistralForCausalLM",
  "Qwen2ForCausalLM",
  "Qwen3ForCausalLM",
] as const;

export type Architecture = (typeof ARCHITECTURES)[number];

export interface ModelConfig {
  architecture: Architecture;
  /** Values of the residual stream. */
  hiddenSize: number;
  /** Values between the MLP's projections. */
  intermediateSize: number;
  numHiddenLayers: number;
  numAttentionHeads: number;
  /** Divides `numAttentionHeads`. */
  numKeyValueHeads: number;
  /** Values of one head; a multiple of 8, and not always hiddenSize / numAttentionHeads. */
  headDim: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** Tokens of context the model was made for. */
  maxPositionEmbeddings: number;
  vocabSize: number;
  /** Whether lm_head is the embedding table. */
  tieWordEmbeddings: boolean;
  hasQkvBias: boolean;
  /** Whether o_proj has a bias. */
  hasOutputBias: boolean;
  /** Whether each head of q and k passes an RMSNorm before RoPE. */
  hasQkNorm: boolean;
}

/** How RoPE's frequencies are stretched for a longer context. */
export type RopeScaling =
  | { type: "linear"; factor: number }
  /** Each frequency divided by a number of its own; headDim / 2 of them. */
  | { type: "factors"; factors: number[] }
  | {
      type: "llama3";
      factor: number;
      lowFreqFactor: number;
      highFreqFactor: number;
      originalMaxPositionEmbeddings: number;
    };

const FILE = "config.json";

const count = v.pipe(v.number(), v.integer("a whole number"), v.minValue(1));
const positive = v.pipe(v.number(), v.gtValue(0));

const ropeFields = v.looseObject({
  rope_type: v.nullish(v.string()),
  /** Until 2024 under this name. */
  type: v.nullish(v.string()),
  rope_theta: v.nullish(positive),
});

const configFields = v.object({
  architectures: v.pipe(v.array(v.string()), v.minLength(1)),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: v.nullish(count),
  head_dim: v.nullish(count),
  rms_norm_eps: v.nullish(positive, 1e-6),
  rope_theta: v.nullish(positive),
  rope_scaling: v.nullish(ropeFields),
  rope_parameters: v.nullish(ropeFields),
  partial_rotary_factor: v.nullish(v.number(), 1),
  max_position_embeddings: count,
  vocab_size: count,
  tie_word_embeddings: v.nullish(v.boolean(), false),
  attention_bias: v.nullish(v.boolean(), false),
  mlp_bias: v.nullish(v.boolean(), false),
  hidden_act: v.nullish(v.string(), "silu"),
  use_sliding_window: v.nullish(v.boolean()),
  sliding_window: v.nullish(count),
  layer_types: v.nullish(v.array(v.string()), []),
  quantization_config: v.optional(v.unknown()),
});

type ConfigFields = v.InferOutput<typeof configFields>;

/**
 * The configuration of a network of one of the architectures above.
 *
 * @param json config.json, parsed
 * @throws ModelFormatError for another network, or one with parts that the runtime does not compute
 */
export function readConfig(json: unknown): ModelConfig {
  const fields = checked(configFields, json, FILE);
  const architecture = readArchitecture(fields);
  expectPlainLayers(fields);

  const heads = fields.num_attention_heads;
  const keyValueHeads = fields.num_key_value_heads ?? heads;
  const headDim = fields.head_dim ?? fields.hidden_size / heads;
  if (heads % keyValueHeads !== 0) {
    fail(
      `num_attention_heads: a multiple of num_key_value_heads (${keyValueHeads})`,
      heads,
    );
  }
  if (headDim % 8 !== 0) {
    fail(
      "head_dim (or hidden_size / num_attention_heads): a multiple of 8",
      headDim,
    );
  }

  // Llama's attention_bias covers q, k, v and o; Qwen2 always has the first three.
  const isQwen2 = architecture === "Qwen2ForCausalLM";
  return {
    architecture,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numHiddenLayers: fields.num_hidden_layers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    rmsNormEps: fields.rms_norm_eps,
    ropeTheta:
      fields.rope_parameters?.rope_theta ?? fields.rope_theta ?? 10_000,
    ropeScaling: readRopeScaling(
      fields.rope_parameters ?? fields.rope_scaling,
      headDim,
    ),
    maxPositionEmbeddings: Math.min(
      fields.max_position_embeddings,
      windowOf(fields, architecture),
    ),
    vocabSize: fields.vocab_size,
    tieWordEmbeddings: fields.tie_word_embeddings,
    hasQkvBias: isQwen2 || fields.attention_bias,
    hasOutputBias: !isQwen2 && fields.attention_bias,
    hasQkNorm: architecture === "Qwen3ForCausalLM",
  };
}

/** Within its sliding window, attention is attention to everything: the window is the context then. */
function windowOf(fields: ConfigFields, architecture: Architecture): number {
  // Qwen2 names a window that it does not use; Mistral uses the one that it names.
  const isUsed =
    fields.use_sliding_window ??
    (architecture === "MistralForCausalLM" ||
      fields.layer_types.includes("sliding_attention"));
  return (isUsed && fields.sliding_window) || Infinity;
}

function readArchitecture(fields: ConfigFields): Architecture {
  const known = ARCHITECTURES.find((name) =>
    fields.architectures.includes(name),
  );
  if (known !== undefined) return known;
  fail(
    `architectures: ${ARCHITECTURES.join(", ")}`,
    fields.architectures.join(", "),
  );
}

/** Refuses what these architectures may have beyond the layers that the runtime computes. */
function expectPlainLayers(fields: ConfigFields): void {
  if (fields.hidden_act !== "silu") fail("hidden_act: silu", fields.hidden_act);
  if (fields.mlp_bias) fail("mlp_bias: false", true);
  const otherLayer = fields.layer_types.find(
    (type) => type !== "full_attention" && type !== "sliding_attention",
  );
  if (otherLayer !== undefined)
    fail("layer_types: full_attention or sliding_attention", otherLayer);
  if (fields.partial_rotary_factor !== 1) {
    fail("partial_rotary_factor: 1", fields.partial_rotary_factor);
  }
  if (
    fields.quantization_config !== undefined &&
    fields.quantization_config !== null
  ) {
    fail("weights in F32, F16 or BF16", "a quantization_config");
  }
}

/** `rope_scaling` of older files, or `rope_parameters`, which holds the theta as well. */
function readRopeScaling(
  rope: v.InferOutput<typeof ropeFields> | null | undefined,
  headDim: number,
): RopeScaling | null {
  if (rope === null || rope === undefined) return null;
  const isThetaOnly = Object.keys(rope).every((key) => key === "rope_theta");
  const type =
    rope.rope_type ?? rope.type ?? (isThetaOnly ? "default" : undefined);
  switch (type) {
    case "default":
      return null;
    case "linear": {
      const { factor } = checked(v.object({ factor: positive }), rope, FILE);
      return { type, factor };
    }
    case "factors": {
      const { factors } = checked(factorsFields, rope, FILE);
      if (factors.length !== headDim / 2)
        fail(`RoPE with ${headDim / 2} factors`, factors.length);
      return { type, factors };
    }
    case "llama3": {
      const fields = checked(llama3Fields, rope, FILE);
      return {
        type,
        factor: fields.factor,
        lowFreqFactor: fields.low_freq_factor,
        highFreqFactor: fields.high_freq_factor,
        originalMaxPositionEmbeddings: fields.original_max_position_embeddings,
      };
    }
    default:
      fail(
        "RoPE of type default, linear or llama3",
        type ?? "RoPE without a type",
      );
  }
}

const llama3Fields = v.object({
  factor: positive,
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: count,
});

/** What GGUF has in place of llama3's four numbers; this runtime's own name for it. */
const factorsFields = v.object({
  factors: v.array(v.pipe(positive, v.finite())),
});

function fail(expected: string, found: string | number | boolean): never {
  throw new ModelFormatError({ file: FILE, expected, found: String(found) });
}
