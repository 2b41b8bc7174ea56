/** Fields of a config.json that most architectures have: what they may say, and whether they fit together. */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import type { Recipe } from "./recipe";

export const CONFIG_FILE = "config.json";

export const count = v.pipe(
  v.number(),
  v.integer("a whole number"),
  v.minValue(1),
);
export const positive = v.pipe(v.number(), v.gtValue(0));

/** Sizes, and what decoders of all architectures have in common. */
export const decoderFields = {
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: v.nullish(count),
  head_dim: v.nullish(count),
  max_position_embeddings: count,
  vocab_size: count,
  rms_norm_eps: v.nullish(positive, 1e-6),
  hidden_act: v.nullish(v.string(), "silu"),
  mlp_bias: v.nullish(v.boolean(), false),
  tie_word_embeddings: v.nullish(v.boolean(), false),
  quantization_config: v.optional(v.unknown()),
};

/** What is read of a config.json with these fields. */
export type FieldsOf<Entries extends v.ObjectEntries> = v.InferOutput<
  v.ObjectSchema<Entries, undefined>
>;

type Sizes = Pick<
  Recipe,
  | "hiddenSize"
  | "intermediateSize"
  | "numHiddenLayers"
  | "numAttentionHeads"
  | "numKeyValueHeads"
  | "headDim"
  | "vocabSize"
>;

/** @throws ModelFormatError for sizes that do not fit together */
export function readSizes(fields: FieldsOf<typeof decoderFields>): Sizes {
  const heads = fields.num_attention_heads;
  const keyValueHeads = fields.num_key_value_heads ?? heads;
  const headDim = fields.head_dim ?? fields.hidden_size / heads;
  if (heads % keyValueHeads !== 0)
    fail(
      `num_attention_heads: a multiple of num_key_value_heads (${keyValueHeads})`,
      heads,
    );
  const name = "head_dim (or hidden_size / num_attention_heads)";
  if (headDim % 8 !== 0) fail(`${name}: a multiple of 8`, headDim);
  return {
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numHiddenLayers: fields.num_hidden_layers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    vocabSize: fields.vocab_size,
  };
}

/** @throws ModelFormatError for quantised weights */
export function expectFloats({
  quantization_config: quantization,
}: FieldsOf<typeof decoderFields>): void {
  if (quantization !== undefined && quantization !== null)
    fail("weights in F32, F16 or BF16", "a quantization_config");
}

/** @throws ModelFormatError */
export function fail(
  expected: string,
  found: string | number | boolean,
): never {
  throw new ModelFormatError({
    file: CONFIG_FILE,
    expected,
    found: String(found),
  });
}
