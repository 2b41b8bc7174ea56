/** Fields of a config.json that most architectures share: their valid values, and whether they fit together. */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import type { Recipe } from "./recipe";

export const CONFIG_FILE = "config.json";

/**
 * Several times the largest models (Llama 3.1 405B: 126 layers of 16,384 values, 53,248 in the MLP; Gemma 3:
 * 262,144 tokens; Llama 4 Scout: 10 million positions). These numbers set the sizes of lists, tables and buffers
 * before any weight is read, so an absurd one would hang or crash the loading.
 */
export const MOST = {
  hiddenSize: 2 ** 16,
  intermediateSize: 2 ** 19,
  layers: 1024,
  heads: 1024,
  headDim: 512,
  vocabSize: 2 ** 22,
  positions: 2 ** 24,
};

/** A whole number from 1 on. */
export function count(most = Number.MAX_SAFE_INTEGER) {
  return v.pipe(
    v.number(),
    v.integer("a whole number"),
    v.check((n) => n >= 1 && n <= most, `from 1 to ${most}`),
  );
}

/** A number between two others. */
export function real(least: number, most: number) {
  return v.pipe(
    v.number(),
    v.check((x) => x >= least && x <= most, `from ${least} to ${most}`),
  );
}

export const positions = count(MOST.positions);

/** Sizes, and what decoders of all architectures have in common. */
export const decoderFields = {
  hidden_size: count(MOST.hiddenSize),
  intermediate_size: count(MOST.intermediateSize),
  num_hidden_layers: count(MOST.layers),
  num_attention_heads: count(MOST.heads),
  num_key_value_heads: v.nullish(count(MOST.heads)),
  head_dim: v.nullish(count(MOST.headDim)),
  max_position_embeddings: positions,
  vocab_size: count(MOST.vocabSize),
  rms_norm_eps: v.nullish(real(1e-30, 1), 1e-6),
  hidden_act: v.nullish(v.string(), "silu"),
  mlp_bias: v.nullish(v.boolean(), false),
  tie_word_embeddings: v.nullish(v.boolean(), false),
  quantization_config: v.optional(v.unknown()),
};

/** The parsed fields of a config.json. */
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
  if (headDim > MOST.headDim) fail(`${name}: up to ${MOST.headDim}`, headDim);
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
