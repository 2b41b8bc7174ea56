/** Fields of a config.json about RoPE. */
import * as v from "valibot";
import { checked } from "../files/check-json";
import {
  CONFIG_FILE,
  type decoderFields,
  fail,
  type FieldsOf,
  positions,
  readSizes,
  real,
} from "./config-fields";
import type { Rope, RopeScaling } from "./recipe";

/** From 10,000 in the first models to 10^10 in those with the longest context. */
const theta = v.nullish(real(1, 1e15));
const factor = real(1e-3, 1e6);
export const ropeFactors = v.array(factor);

export const scalingFields = v.looseObject({
  rope_type: v.nullish(v.string()),
  /** Its name until 2024. */
  type: v.nullish(v.string()),
  rope_theta: theta,
  partial_rotary_factor: v.nullish(real(0, 1)),
});

export const ropeFields = {
  rope_theta: theta,
  /** Of older files. */
  rope_scaling: v.nullish(scalingFields),
  /** In newer ones; includes the theta. */
  rope_parameters: v.nullish(scalingFields),
  partial_rotary_factor: v.nullish(real(0, 1), 1),
};

type RopeFields = FieldsOf<typeof ropeFields>;

/**
 * The RoPE that all layers share.
 *
 * @throws ModelFormatError for a kind that no recipe can express
 */
export function readRope(
  fields: FieldsOf<typeof decoderFields> & RopeFields,
): Rope {
  const base = readRopeBase(fields);
  const rotaryDim = readSizes(fields).headDim * base.partialRotaryFactor;
  const scaling = fields.rope_parameters ?? fields.rope_scaling;
  return { ...base, scaling: readScaling(scaling, rotaryDim) };
}

/** A RoPE less its scaling. */
export function readRopeBase(fields: RopeFields): Omit<Rope, "scaling"> {
  const { rope_parameters: newer } = fields;
  return {
    theta: newer?.rope_theta ?? fields.rope_theta ?? 10_000,
    partialRotaryFactor:
      newer?.partial_rotary_factor ?? fields.partial_rotary_factor,
  };
}

/** @throws ModelFormatError for a kind that no recipe can express */
export function readScaling(
  fields: v.InferOutput<typeof scalingFields> | null | undefined,
  rotaryDim: number,
): RopeScaling | null {
  if (fields === null || fields === undefined) return null;
  const isThetaOnly = Object.keys(fields).every(
    (key) => key === "rope_theta" || key === "partial_rotary_factor",
  );
  const type =
    fields.rope_type ?? fields.type ?? (isThetaOnly ? "default" : undefined);
  switch (type) {
    case "default":
      return null;
    case "linear":
      return { type, ...checked(v.object({ factor }), fields, CONFIG_FILE) };
    case "factors": {
      const { factors } = checked(factorsFields, fields, CONFIG_FILE);
      expectFactors(factors, rotaryDim);
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

/** @throws ModelFormatError if there is not one for each pair */
export function expectFactors(
  factors: readonly number[],
  rotaryDim: number,
): void {
  if (factors.length !== rotaryDim / 2)
    fail(`RoPE with ${rotaryDim / 2} factors`, factors.length);
}

/** GGUF's replacement for llama3's four numbers; the name is this runtime's own. */
const factorsFields = v.object({ factors: ropeFactors });
