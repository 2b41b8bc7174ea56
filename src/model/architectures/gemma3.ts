/**
 * Gemma 3, text: norms before and behind attention and MLP, norms of heads, GELU, scaled embeddings, and layers
 * with a window and a RoPE of their own, five to one without.
 */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture, GgufFacts } from "./architecture";
import {
  CONFIG_FILE,
  count,
  decoderFields,
  fail,
  type FieldsOf,
  real,
} from "./config-fields";
import {
  decoderAttention,
  decoderRecipe,
  gatedMlp,
  headNorms,
  type LayerPlace,
} from "./decoder-recipe";
import { decimal, decoderConfig, decoderTensors } from "./gguf-decoder";
import { kvIdentity } from "./kv-identity";
import type { LayerRecipe, Norm, Rope } from "./recipe";
import { readScaling, ropeFields, scalingFields } from "./rope-fields";
import { rmsNorm } from "./tensors";
import { readWindows, windowFields } from "./window-fields";

/** Weights of norms in safetensors files are less by 1. */
const NORM_OFFSET: Norm["offset"] = 1;
/** Indexes of the two RoPEs. */
const GLOBAL = 0;
const LOCAL = 1;
/** Of every six layers, the last has no window. */
const PATTERN = 6;
const LOCAL_THETA = 10_000;

const theta = real(1, 1e15);
const layerRopes = v.object({
  full_attention: scalingFields,
  sliding_attention: scalingFields,
});

const gemma3Fields = v.object({
  ...decoderFields,
  ...windowFields,
  rope_theta: ropeFields.rope_theta,
  rope_scaling: ropeFields.rope_scaling,
  /** By the type of layer, in newer files. */
  rope_parameters: v.nullish(layerRopes),
  rope_local_base_freq: v.nullish(theta, LOCAL_THETA),
  sliding_window_pattern: v.nullish(count(), PATTERN),
  hidden_activation: v.nullish(v.string(), "gelu_pytorch_tanh"),
  tie_word_embeddings: v.nullish(v.boolean(), true),
  attention_bias: v.nullish(v.boolean(), false),
  /** Scores are divided by its root. */
  query_pre_attn_scalar: v.nullish(real(1e-3, 1e6)),
  attn_logit_softcapping: v.nullish(v.number()),
  final_logit_softcapping: v.nullish(v.number()),
});

type Gemma3Fields = FieldsOf<typeof gemma3Fields.entries>;

export const gemma3: Architecture = {
  name: "Gemma3ForCausalLM",

  recipe(config) {
    const fields = checked(gemma3Fields, config, CONFIG_FILE);
    expectNoCaps(fields);
    const windows = windowsOf(fields);
    const recipe = decoderRecipe({
      architecture: gemma3.name,
      fields,
      ropes: ropesOf(fields),
      normOffset: NORM_OFFSET,
      embeddingScale: Math.sqrt(fields.hidden_size),
      layer: (place) => layerOf(place, fields, windows[place.index]!),
    });
    return { ...recipe, kvIdentity: kvIdentity(recipe) };
  },

  gguf: {
    name: "gemma3",
    tensorNames: new Map([
      ...decoderTensors,
      ["post_attention_layernorm", "post_attention_norm"],
      ["pre_feedforward_layernorm", "ffn_norm"],
      ["post_feedforward_layernorm", "post_ffw_norm"],
      ["self_attn.q_norm", "attn_q_norm"],
      ["self_attn.k_norm", "attn_k_norm"],
    ]),
    pairedTensors: new Set(),
    configVectors: [],
    config: ggufFields,
  },
};

function layerOf(
  place: LayerPlace,
  fields: Gemma3Fields,
  window: number | null,
): LayerRecipe {
  const { at, hiddenSize, eps, headDim } = place;
  const norm = (name: string) =>
    rmsNorm(`${at}.${name}`, hiddenSize, eps, NORM_OFFSET);
  const hasBias = fields.attention_bias;
  const attention = decoderAttention(place, {
    hasBias,
    hasOutputBias: hasBias,
    qkNorm: headNorms(place, NORM_OFFSET),
    rope: window === null ? GLOBAL : LOCAL,
    scale: 1 / Math.sqrt(fields.query_pre_attn_scalar ?? headDim),
    window,
  });
  const { hidden_activation: hidden_act, mlp_bias } = fields;
  return {
    attention: {
      ...attention,
      norm: norm("input_layernorm"),
      postNorm: norm("post_attention_layernorm"),
    },
    mlp: {
      ...gatedMlp(place, { hidden_act, mlp_bias }),
      norm: norm("pre_feedforward_layernorm"),
      postNorm: norm("post_feedforward_layernorm"),
    },
    residualScale: 1,
  };
}

function windowsOf(fields: Gemma3Fields): readonly (number | null)[] {
  const { sliding_window_pattern: pattern, num_hidden_layers: layers } = fields;
  const types =
    fields.layer_types.length > 0
      ? fields.layer_types
      : Array.from({ length: layers }, (_, l) =>
          (l + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
        );
  // One family's files say false here, and mean the pattern all the same.
  return readWindows({ ...fields, layer_types: types }, true);
}

function ropesOf(fields: Gemma3Fields): [Rope, Rope] {
  const { rope_parameters: byType, head_dim, hidden_size } = fields;
  const headDim = head_dim ?? hidden_size / fields.num_attention_heads;
  const rope = (
    theta: number,
    scaling: v.InferOutput<typeof scalingFields> | null | undefined,
  ): Rope => ({
    theta,
    partialRotaryFactor: 1,
    scaling: readScaling(scaling, headDim),
  });
  const [global, local] = [byType?.full_attention, byType?.sliding_attention];
  return [
    rope(
      global?.rope_theta ?? fields.rope_theta ?? 1_000_000,
      global ?? fields.rope_scaling,
    ),
    rope(local?.rope_theta ?? fields.rope_local_base_freq, local),
  ];
}

/** Gemma 2 had them; Gemma 3 has norms of heads instead. */
function expectNoCaps(fields: Gemma3Fields): void {
  for (const name of [
    "attn_logit_softcapping",
    "final_logit_softcapping",
  ] as const) {
    const cap = fields[name];
    if (typeof cap === "number") fail(`${name}: null`, cap);
  }
}

function ggufFields(file: GgufFacts): Record<string, unknown> {
  const { use_sliding_window: _, ...fields } = decoderConfig(file);
  return {
    ...fields,
    rope_local_base_freq: decimal(
      file.number("rope.freq_base_swa") ?? LOCAL_THETA,
    ),
    // 27B alone differs from its head size.
    query_pre_attn_scalar: scoreDivisor(file),
  };
}

/** What the file's factor for scores is the inverse root of, if it names one. */
function scoreDivisor(file: GgufFacts): number | undefined {
  const scale = file.number("attention.scale");
  return scale === undefined || scale === 0 ? undefined : 1 / scale ** 2;
}
