/** What a config.json may not say: numbers that would hang the loading, or break it where nobody can tell why. */
import { describe, expect, it } from "vitest";
import { gemma3 } from "../../../src/model/architectures/gemma3";
import { ARCHITECTURES } from "../../../src/model/architectures/known-architectures";
import { readConfig } from "../../../src/model/config/config";
import { ModelFormatError } from "../../../src/util/errors";

const config = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  vocab_size: 49_152,
};
const llama3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

describe("absurd numbers are refused by name", () => {
  it.each<[field: string, more: object, message: string]>([
    [
      "layers",
      { num_hidden_layers: 1e9 },
      "num_hidden_layers: from 1 to 1024, found 1000000000",
    ],
    [
      "positions",
      { max_position_embeddings: 1e15 },
      "max_position_embeddings: from 1 to 16777216, found 1000000000000000",
    ],
    ["values", { hidden_size: 2 ** 32 }, "hidden_size: from 1 to 65536"],
    [
      "values of the MLP",
      { intermediate_size: 2 ** 32 },
      "intermediate_size: from 1 to 524288",
    ],
    [
      "heads",
      { num_attention_heads: 1e6 },
      "num_attention_heads: from 1 to 1024",
    ],
    [
      "heads of keys",
      { num_key_value_heads: 1e6 },
      "num_key_value_heads: from 1 to 1024",
    ],
    ["values of a head", { head_dim: 1e6 }, "head_dim: from 1 to 512"],
    [
      "values of a head that nobody named",
      { hidden_size: 2 ** 16, num_attention_heads: 1, num_key_value_heads: 1 },
      "head_dim (or hidden_size / num_attention_heads): up to 512, found 65536",
    ],
    ["tokens", { vocab_size: 1e10 }, "vocab_size: from 1 to 4194304"],
    ["no tokens", { vocab_size: 0 }, "vocab_size: from 1 to 4194304, found 0"],
    ["a large epsilon", { rms_norm_eps: 2 }, "rms_norm_eps: from 1e-30 to 1"],
    ["no epsilon", { rms_norm_eps: 0 }, "rms_norm_eps: from 1e-30 to 1"],
    [
      "an infinite theta",
      JSON.parse('{ "rope_theta": 1e999 }') as object,
      "rope_theta: from 1 to 1000000000000000, found Infinity",
    ],
    ["a theta below 1", { rope_theta: 1e-300 }, "rope_theta: from 1 to"],
    [
      "the theta of rope_parameters",
      { rope_parameters: { rope_theta: -1 } },
      "rope_parameters.rope_theta: from 1 to",
    ],
    [
      "a factor",
      { rope_scaling: { type: "linear", factor: 1e-300 } },
      "factor: from 0.001 to 1000000",
    ],
    [
      "factors",
      {
        rope_scaling: { type: "factors", factors: Array(32).fill(0) as object },
      },
      "factors.0: from 0.001 to 1000000, found 0",
    ],
    [
      "Llama 3's factors",
      { rope_scaling: { ...llama3, high_freq_factor: 1e300 } },
      "high_freq_factor: from 0.001 to 1000000",
    ],
    [
      "Llama 3's context",
      { rope_scaling: { ...llama3, original_max_position_embeddings: 1e15 } },
      "original_max_position_embeddings: from 1 to 16777216",
    ],
    [
      "a share of each head",
      { partial_rotary_factor: 1e6 },
      "partial_rotary_factor: from 0 to 1, found 1000000",
    ],
    [
      "types of more layers than there can be",
      { layer_types: Array(1e5).fill("full_attention") as string[] },
      "layer_types: <=1024, found 100000",
    ],
    [
      "half a window",
      { sliding_window: 0.5 },
      "sliding_window: a whole number, found 0.5",
    ],
  ])("%s", (_, more, message) => {
    for (const { name } of ARCHITECTURES) {
      // Gemma 3 names its RoPE by the type of layer, and turns all of a head.
      const isOfOthers =
        "rope_parameters" in more || "partial_rotary_factor" in more;
      if (name === gemma3.name && isOfOthers) continue;
      const json = { ...config, ...more, architectures: [name] };
      expect(() => readConfig(json)).toThrow(ModelFormatError);
      expect(() => readConfig(json)).toThrow("config.json: expected ");
      expect(() => readConfig(json)).toThrow(message);
    }
  });
});

describe("large numbers of real models are let through", () => {
  it("those of Llama 3.1 405B", () => {
    const found = readConfig({
      ...config,
      hidden_size: 16_384,
      intermediate_size: 53_248,
      num_hidden_layers: 126,
      num_attention_heads: 128,
      num_key_value_heads: 8,
      max_position_embeddings: 131_072,
      vocab_size: 128_256,
      rope_theta: 500_000,
      rope_scaling: llama3,
    });
    expect(found.layers).toHaveLength(126);
  });

  it("contexts of ten million positions, and RoPE as slow as theirs", () => {
    const long = { max_position_embeddings: 10_485_760, rope_theta: 5e10 };
    const found = readConfig({ ...config, ...long });
    expect(found.maxPositionEmbeddings).toBe(10_485_760);
  });

  it("vocabularies of 262,144 tokens, and heads of 256 values", () => {
    const wide = { vocab_size: 262_144, head_dim: 256 };
    expect(readConfig({ ...config, ...wide }).headDim).toBe(256);
  });
});
