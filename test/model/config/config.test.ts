import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/model/config/config";
import { ModelFormatError } from "../../../src/util/errors";
import rondoTiny from "../../../public/models/rondo-tiny/config.json";

const llama = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000,
  max_position_embeddings: 8192,
  vocab_size: 49_152,
  tie_word_embeddings: true,
};

const llama3Rope = {
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
  rope_type: "llama3",
};

describe("readConfig", () => {
  it("reads the embedded model's file", () => {
    expect(readConfig(rondoTiny)).toMatchObject({
      architecture: "LlamaForCausalLM",
      hiddenSize: 192,
      intermediateSize: 512,
      numHiddenLayers: 8,
      numAttentionHeads: 6,
      numKeyValueHeads: 2,
      headDim: 32,
      maxPositionEmbeddings: 2048,
      vocabSize: 1536,
      ropes: [{ theta: 10_000, partialRotaryFactor: 1, scaling: null }],
      norm: { eps: 1e-5 },
      head: { weight: null, scale: 1 },
    });
  });

  it("takes the size of a head from the hidden size where it is not named", () => {
    expect(readConfig(llama).headDim).toBe(64);
    expect(readConfig({ ...llama, head_dim: null }).headDim).toBe(64);
    expect(readConfig({ ...llama, head_dim: 128 }).headDim).toBe(128);
  });

  it("knows which layers have a window, whatever the context is", () => {
    const windows = (more: object) => {
      const config = readConfig({ ...llama, num_hidden_layers: 2, ...more });
      expect(config.maxPositionEmbeddings).toBe(8192);
      return config.layers.map(({ attention }) => attention.window);
    };
    const mistral = { architectures: ["MistralForCausalLM"] };
    expect(windows({ ...mistral, sliding_window: 4096 })).toEqual([4096, 4096]);
    expect(windows({ ...mistral, sliding_window: null })).toEqual([null, null]);
    const qwen2 = { architectures: ["Qwen2ForCausalLM"], sliding_window: 4096 };
    const unused = { ...qwen2, use_sliding_window: false };
    expect(windows(unused)).toEqual([null, null]);
    const used = { ...qwen2, use_sliding_window: true };
    expect(windows(used)).toEqual([4096, 4096]);
    const layer_types = ["full_attention", "sliding_attention"];
    const mixed = { layer_types, sliding_window: 512 };
    expect(windows(mixed)).toEqual([null, 512]);
  });

  it("gives each head its own keys where their number is not named", () => {
    const { num_key_value_heads: _, ...rest } = llama;
    expect(readConfig(rest).numKeyValueHeads).toBe(9);
  });

  it("does not tie the embeddings where nothing is said", () => {
    const { tie_word_embeddings: _, ...rest } = llama;
    for (const name of [
      "LlamaForCausalLM",
      "Qwen2ForCausalLM",
      "Qwen3ForCausalLM",
    ]) {
      const config = readConfig({ ...rest, architectures: [name] });
      expect(config.head.weight).toEqual({
        name: "lm_head.weight",
        shape: [49_152, 576],
      });
    }
  });

  it("knows which architecture has which biases and norms", () => {
    const partsOf = (architecture: string, more = {}) => {
      const config = readConfig({
        ...llama,
        ...more,
        architectures: [architecture],
      });
      const { qkv, output, qkNorm } = config.layers[0]!.attention;
      return {
        hasQkvBias: qkv.biases !== null,
        hasOutputBias: output.biases !== null,
        hasQkNorm: qkNorm !== null,
      };
    };
    const none = { hasQkvBias: false, hasOutputBias: false, hasQkNorm: false };
    const bias = { attention_bias: true };
    expect(partsOf("LlamaForCausalLM")).toEqual(none);
    expect(partsOf("LlamaForCausalLM", bias)).toEqual({
      ...none,
      hasQkvBias: true,
      hasOutputBias: true,
    });
    expect(partsOf("Qwen2ForCausalLM")).toEqual({ ...none, hasQkvBias: true });
    expect(partsOf("Qwen3ForCausalLM")).toEqual({ ...none, hasQkNorm: true });
    expect(partsOf("Qwen3ForCausalLM", bias)).toEqual({
      hasQkvBias: true,
      hasOutputBias: true,
      hasQkNorm: true,
    });
  });
});

describe("RoPE", () => {
  const scalingOf = (more: object) =>
    readConfig({ ...llama, ...more }).ropes[0].scaling;

  it("is plain for null, default, and a theta alone", () => {
    expect(scalingOf({})).toBeNull();
    expect(scalingOf({ rope_scaling: null })).toBeNull();
    expect(scalingOf({ rope_scaling: { rope_type: "default" } })).toBeNull();
    expect(scalingOf({ rope_parameters: { rope_theta: 1e4 } })).toBeNull();
  });

  it("reads linear scaling under both names of the type", () => {
    const linear = { type: "linear", factor: 2 };
    expect(scalingOf({ rope_scaling: linear })).toEqual(linear);
    const named = { rope_type: "linear", factor: 2 };
    expect(scalingOf({ rope_scaling: named })).toEqual(linear);
  });

  it("reads Llama 3's scaling from rope_scaling and from rope_parameters", () => {
    const expected = {
      type: "llama3",
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    };
    expect(scalingOf({ rope_scaling: llama3Rope })).toEqual(expected);
    const parameters = { ...llama3Rope, rope_theta: 500_000 };
    const config = readConfig({
      ...llama,
      rope_theta: undefined,
      rope_parameters: parameters,
    });
    expect(config.ropes[0].scaling).toEqual(expected);
    expect(config.ropes[0].theta).toBe(500_000);
  });

  it("falls back to a theta of 10000", () => {
    const { rope_theta: _, ...rest } = llama;
    expect(readConfig(rest).ropes[0].theta).toBe(10_000);
  });
});

describe("what the runtime cannot compute is refused with its name", () => {
  const refused: [what: string, more: object, message: string][] = [
    [
      "an unknown architecture",
      { architectures: ["GemmaForCausalLM"] },
      "architectures: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, Gemma3ForCausalLM, SmolLM3ForCausalLM, Phi3ForCausalLM, GraniteForCausalLM, found GemmaForCausalLM",
    ],
    [
      "a network with a recurrent state",
      { architectures: ["Lfm2ForCausalLM"] },
      "found Lfm2ForCausalLM, which needs layers with a recurrent state",
    ],
    [
      "an architecture that nobody knows",
      { architectures: ["NewForCausalLM"] },
      "found NewForCausalLM",
    ],
    [
      "YaRN",
      { rope_scaling: { rope_type: "yarn", factor: 4 } },
      "linear or llama3, found yarn",
    ],
    [
      "RoPE by layer type",
      { rope_parameters: { full_attention: {} } },
      "RoPE without a type",
    ],
    [
      "rope without a factor",
      { rope_scaling: { type: "linear" } },
      "expected factor, found nothing",
    ],
    ["a bias in the MLP", { mlp_bias: true }, "mlp_bias: false, found true"],
    [
      "another activation",
      { hidden_act: "gelu" },
      "hidden_act: silu or gelu_pytorch_tanh, found gelu",
    ],
    [
      "layers of another kind",
      { layer_types: ["full_attention", "linear_attention"] },
      "sliding_attention, found linear_attention",
    ],
    [
      "RoPE on a part of a head that does not fit the kernels",
      { partial_rotary_factor: 0.3 },
      "partial_rotary_factor: a multiple of 8 values of a head's 64, found 0.3",
    ],
    [
      "quantised weights",
      { quantization_config: {} },
      "found a quantization_config",
    ],
    ["odd heads", { head_dim: 20 }, "a multiple of 8, found 20"],
    [
      "heads of no whole size",
      { num_attention_heads: 7, num_key_value_heads: 7 },
      "multiple of 8",
    ],
    [
      "heads that do not share evenly",
      { num_key_value_heads: 2 },
      "num_key_value_heads (2), found 9",
    ],
    [
      "a missing size",
      { hidden_size: undefined },
      "expected hidden_size, found nothing",
    ],
    [
      "half a layer",
      { num_hidden_layers: 1.5 },
      "num_hidden_layers: a whole number, found 1.5",
    ],
    [
      "a size in words",
      { vocab_size: "many" },
      'vocab_size: number, found "many"',
    ],
  ];

  for (const [what, more, message] of refused) {
    it(what, () => {
      const reading = () => readConfig({ ...llama, ...more });
      expect(reading).toThrow(ModelFormatError);
      expect(reading).toThrow("config.json: expected ");
      expect(reading).toThrow(message);
    });
  }

  it("and so is JSON that is no object", () => {
    for (const json of [null, 3, "x", []]) {
      expect(() => readConfig(json)).toThrow(ModelFormatError);
    }
  });
});
