/** Phi-3 and Phi-4-mini: joined matrices, a part of each head turned, LongRoPE. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import type { Architecture, GgufFacts } from "./architecture";
import {
  CONFIG_FILE,
  decoderFields,
  type FieldsOf,
  positions,
  readSizes,
  real,
} from "./config-fields";
import { decoderAttention, decoderRecipe, gatedMlp } from "./decoder-recipe";
import { decoderConfig, decoderTensors } from "./gguf-decoder";
import { kvIdentity } from "./kv-identity";
import type { Rope } from "./recipe";
import {
  expectFactors,
  readRope,
  readRopeBase,
  ropeFactors,
  ropeFields,
} from "./rope-fields";
import { projection } from "./tensors";
import { readWindows, windowFields } from "./window-fields";

const phi3Fields = v.object({
  ...decoderFields,
  ...ropeFields,
  ...windowFields,
  attention_bias: v.nullish(v.boolean(), false),
  original_max_position_embeddings: v.nullish(positions),
});

const longRope = v.looseObject({
  short_factor: ropeFactors,
  long_factor: ropeFactors,
  /** Default: √(1 + ln(extension) / ln(original context)). */
  attention_factor: v.nullish(real(0, 1e3)),
  original_max_position_embeddings: v.nullish(positions),
});

const LONG_FACTORS = "rope_factors_long.weight";
const SHORT_FACTORS = "rope_factors_short.weight";

export const phi3: Architecture = {
  name: "Phi3ForCausalLM",

  recipe(config, contextTokens) {
    const fields = checked(phi3Fields, config, CONFIG_FILE);
    // A window that is named is used.
    const windows = readWindows(fields, true);
    const { rope, context } = ropeFor(fields, contextTokens);
    const recipe = decoderRecipe({
      architecture: phi3.name,
      fields,
      ropes: [rope],
      contextTokens: context,
      layer: (place) => {
        const { at, queries, keys, hiddenSize, intermediateSize } = place;
        const hasBias = fields.attention_bias;
        return {
          attention: {
            ...decoderAttention(place, {
              hasBias,
              hasOutputBias: hasBias,
              window: windows[place.index]!,
            }),
            qkv: projection(
              { [`${at}.self_attn.qkv_proj`]: queries + 2 * keys },
              hiddenSize,
              { hasBias },
            ),
          },
          mlp: {
            ...gatedMlp(place, fields),
            gateUp: projection(
              { [`${at}.mlp.gate_up_proj`]: 2 * intermediateSize },
              hiddenSize,
              { hasBias: fields.mlp_bias },
            ),
          },
          residualScale: 1,
        };
      },
    });
    return { ...recipe, kvIdentity: kvIdentity(recipe) };
  },

  gguf: {
    name: "phi3",
    tensorNames: new Map([
      ...decoderTensors,
      ["self_attn.qkv_proj", "attn_qkv"],
      ["mlp.gate_up_proj", "ffn_up"],
    ]),
    pairedTensors: new Set(),
    configVectors: [LONG_FACTORS, SHORT_FACTORS],
    config: (file) => ({ ...decoderConfig(file), ...longRopeOf(file) }),
  },
};

/**
 * LongRoPE (arXiv 2402.13753) has factors for the original context, and others for a longer one. Keys of one kind
 * do not fit queries of the other, so one is taken for as long as the model is loaded: the first unless a longer
 * context is asked for.
 */
function ropeFor(
  fields: FieldsOf<typeof phi3Fields.entries>,
  contextTokens: number | undefined,
): { rope: Rope; context: number } {
  const { max_position_embeddings: most } = fields;
  const scaling = fields.rope_parameters ?? fields.rope_scaling;
  const type = scaling?.rope_type ?? scaling?.type;
  if (type !== "longrope" && type !== "su")
    return { rope: readRope(fields), context: most };

  const long = checked(longRope, scaling, CONFIG_FILE);
  const original =
    long.original_max_position_embeddings ??
    fields.original_max_position_embeddings ??
    most;
  const isLong = contextTokens !== undefined && contextTokens > original;
  const factors = isLong ? long.long_factor : long.short_factor;
  const base = readRopeBase(fields);
  expectFactors(factors, readSizes(fields).headDim * base.partialRotaryFactor);
  const extension = most / original;
  const attentionFactor =
    long.attention_factor ??
    (extension > 1
      ? Math.sqrt(1 + Math.log(extension) / Math.log(original))
      : 1);
  return {
    rope: { ...base, scaling: { type: "factors", factors, attentionFactor } },
    context: isLong ? Math.min(contextTokens, most) : original,
  };
}

/** GGUF keeps the factors as tensors. */
function longRopeOf(file: GgufFacts): object {
  const long = file.vector(LONG_FACTORS);
  const short = file.vector(SHORT_FACTORS);
  if (long === undefined || short === undefined) return {};
  return {
    rope_scaling: {
      rope_type: "longrope",
      long_factor: long,
      short_factor: short,
      attention_factor: file.number("rope.scaling.attn_factor"),
      original_max_position_embeddings: file.number(
        "rope.scaling.original_context_length",
      ),
    },
  };
}
