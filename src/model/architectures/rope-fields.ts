/** Fields of a config.json about RoPE. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import {
  CONFIG_FILE,
  fail,
  type FieldsOf,
  positions,
  real,
} from "./config-fields";
import type { Rope, RopeScaling } from "./recipe";

/** From 10,000 in the first models to 10^10 in those with the longest context. */
const theta = v.nullish(real(1, 1e15));
const factor = real(1e-3, 1e6);

const scalingFields = v.looseObject({
  rope_type: v.nullish(v.string()),
  /** Its name until 2024. */
  type: v.nullish(v.string()),
  rope_theta: theta,
});

export const ropeFields = {
  rope_theta: theta,
  /** Of older files. */
  rope_scaling: v.nullish(scalingFields),
  /** In newer ones; includes the theta. */
  rope_parameters: v.nullish(scalingFields),
  partial_rotary_factor: v.nullish(real(0, 1), 1),
};

/**
 * The RoPE that all layers share.
 *
 * @throws ModelFormatError for a kind that no recipe can express
 */
export function readRope(
  fields: FieldsOf<typeof ropeFields>,
  headDim: number,
): Rope {
  const { rope_parameters, rope_scaling, partial_rotary_factor } = fields;
  return {
    theta: rope_parameters?.rope_theta ?? fields.rope_theta ?? 10_000,
    partialRotaryFactor: partial_rotary_factor,
    scaling: readScaling(rope_parameters ?? rope_scaling, headDim),
  };
}

function readScaling(
  fields: v.InferOutput<typeof scalingFields> | null | undefined,
  headDim: number,
): RopeScaling | null {
  if (fields === null || fields === undefined) return null;
  const isThetaOnly = Object.keys(fields).every((key) => key === "rope_theta");
  const type =
    fields.rope_type ?? fields.type ?? (isThetaOnly ? "default" : undefined);
  switch (type) {
    case "default":
      return null;
    case "linear":
      return { type, ...checked(v.object({ factor }), fields, CONFIG_FILE) };
    case "factors": {
      const { factors } = checked(factorsFields, fields, CONFIG_FILE);
      if (factors.length !== headDim / 2)
        fail(`RoPE with ${headDim / 2} factors`, factors.length);
      return { type, factors };
    }
    case "llama3": {
      const llama3 = checked(llama3Fields, fields, CONFIG_FILE);
      return {
        type,
        factor: llama3.factor,
        lowFreqFactor: llama3.low_freq_factor,
        highFreqFactor: llama3.high_freq_factor,
        originalMaxPositionEmbeddings: llama3.original_max_position_embeddings,
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
  factor,
  low_freq_factor: factor,
  high_freq_factor: factor,
  original_max_position_embeddings: positions,
});

/** GGUF's replacement for llama3's four numbers; the name is this runtime's own. */
const factorsFields = v.object({ factors: v.array(factor) });
