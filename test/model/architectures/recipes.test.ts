/** The recipes of the known architectures, each against what it should say, written by hand. */
import { describe, expect, it } from "vitest";
import type { Architecture } from "../../../src/model/architectures/architecture";
import { ARCHITECTURES } from "../../../src/model/architectures/known-architectures";
import { gemma3 } from "../../../src/model/architectures/gemma3";
import { granite } from "../../../src/model/architectures/granite";
import { llama } from "../../../src/model/architectures/llama";
import { mistral } from "../../../src/model/architectures/mistral";
import { phi3 } from "../../../src/model/architectures/phi3";
import { qwen2 } from "../../../src/model/architectures/qwen2";
import { qwen3 } from "../../../src/model/architectures/qwen3";
import { smollm3 } from "../../../src/model/architectures/smollm3";
import type { LayerRecipe } from "../../../src/model/architectures/recipe";

/** The first four: what they do not say otherwise is as in Llama. */
const LLAMA_LIKE = [llama, mistral, qwen2, qwen3];

/** Two layers of four heads of 16, two of them of keys and values. */
const sizes = {
  hidden_size: 40,
  intermediate_size: 56,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 1024,
  vocab_size: 100,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
};

const norm = (name: string) => ({
  weight: { name: `${name}.weight`, shape: [40] },
  eps: 1e-5,
  offset: 0 as const,
});
const weight = (name: string, rows: number, columns: number) => ({
  name: `${name}.weight`,
  shape: [rows, columns],
});
const bias = (name: string, values: number) => ({
  name: `${name}.bias`,
  shape: [values],
});

/** The second layer of Llama, which the others differ from. */
const at = "model.layers.1";
const plainLayer: LayerRecipe = {
  attention: {
    norm: norm(`${at}.input_layernorm`),
    qkv: {
      weights: [
        weight(`${at}.self_attn.q_proj`, 64, 40),
        weight(`${at}.self_attn.k_proj`, 32, 40),
        weight(`${at}.self_attn.v_proj`, 32, 40),
      ],
      biases: null,
    },
    qkNorm: null,
    rope: 0,
    scale: 0.25,
    window: null,
    output: {
      weights: [weight(`${at}.self_attn.o_proj`, 40, 64)],
      biases: null,
    },
    postNorm: null,
  },
  mlp: {
    norm: norm(`${at}.post_attention_layernorm`),
    gateUp: {
      weights: [
        weight(`${at}.mlp.gate_proj`, 56, 40),
        weight(`${at}.mlp.up_proj`, 56, 40),
      ],
      biases: null,
    },
    activation: "silu",
    down: { weights: [weight(`${at}.mlp.down_proj`, 40, 56)], biases: null },
    postNorm: null,
  },
  residualScale: 1,
};
const qkvBiases = [
  bias(`${at}.self_attn.q_proj`, 64),
  bias(`${at}.self_attn.k_proj`, 32),
  bias(`${at}.self_attn.v_proj`, 32),
];
const outputBiases = [bias(`${at}.self_attn.o_proj`, 40)];
const headNorms = {
  q: { name: `${at}.self_attn.q_norm.weight`, shape: [16] },
  k: { name: `${at}.self_attn.k_norm.weight`, shape: [16] },
  eps: 1e-5,
  offset: 0 as const,
};

/** The plain layer with other parts of attention. */
function layerWith({
  qkv,
  output,
  ...attention
}: {
  qkv?: typeof qkvBiases;
  output?: typeof outputBiases;
  qkNorm?: typeof headNorms;
  window?: number;
}): LayerRecipe {
  const plain = plainLayer.attention;
  return {
    ...plainLayer,
    attention: {
      ...plain,
      ...attention,
      qkv: { ...plain.qkv, biases: qkv ?? null },
      output: { ...plain.output, biases: output ?? null },
    },
  };
}

const biased = { attention_bias: true };
const window = { sliding_window: 512 };

describe("a layer's recipe", () => {
  it.each<[what: string, of: Architecture, config: object, layer: LayerRecipe]>(
    [
      ["Llama's", llama, {}, plainLayer],
      [
        "Llama's with biases",
        llama,
        biased,
        layerWith({ qkv: qkvBiases, output: outputBiases }),
      ],
      ["Llama's, of a window that no layer has", llama, window, plainLayer],
      ["Mistral's", mistral, {}, plainLayer],
      ["Mistral's with a window", mistral, window, layerWith({ window: 512 })],
      ["Qwen2's", qwen2, {}, layerWith({ qkv: qkvBiases })],
      [
        "Qwen2's, whatever is said of biases",
        qwen2,
        biased,
        layerWith({ qkv: qkvBiases }),
      ],
      [
        "Qwen2's with a window that is used",
        qwen2,
        { ...window, use_sliding_window: true },
        layerWith({ qkv: qkvBiases, window: 512 }),
      ],
      [
        "Qwen2's with a window that is not used",
        qwen2,
        { ...window, use_sliding_window: false },
        layerWith({ qkv: qkvBiases }),
      ],
      ["Qwen3's", qwen3, {}, layerWith({ qkNorm: headNorms })],
      [
        "Qwen3's with biases",
        qwen3,
        biased,
        layerWith({ qkNorm: headNorms, qkv: qkvBiases, output: outputBiases }),
      ],
    ],
  )("is %s", (_, { recipe }, config, layer) => {
    const { layers } = recipe({ ...sizes, ...config });
    expect(layers).toHaveLength(2);
    expect(layers[1]).toEqual(layer);
    const first = JSON.stringify(layer).replaceAll("layers.1", "layers.0");
    expect(layers[0]).toEqual(JSON.parse(first));
  });

  it("has a window where the layer is of that type", () => {
    for (const { recipe } of ARCHITECTURES) {
      const layer_types = ["full_attention", "sliding_attention"];
      const found = recipe({ ...sizes, ...window, layer_types });
      const windows = found.layers.map(({ attention }) => attention.window);
      expect(windows).toEqual([null, 512]);
    }
  });

  it("has a bias in the MLP and another activation where the configuration says so", () => {
    for (const { recipe } of LLAMA_LIKE) {
      const more = { mlp_bias: true, hidden_act: "gelu_pytorch_tanh" };
      const { mlp } = recipe({ ...sizes, ...more }).layers[1]!;
      expect(mlp).toEqual({
        ...plainLayer.mlp,
        gateUp: {
          ...plainLayer.mlp.gateUp,
          biases: [
            bias(`${at}.mlp.gate_proj`, 56),
            bias(`${at}.mlp.up_proj`, 56),
          ],
        },
        activation: "gelu_pytorch_tanh",
        down: {
          ...plainLayer.mlp.down,
          biases: [bias(`${at}.mlp.down_proj`, 40)],
        },
      });
    }
  });
});

describe.each(LLAMA_LIKE.map((one) => [one.name, one] as const))(
  "around the layers, %s",
  (name, { recipe }) => {
    it("has an embedding, one RoPE, a last norm and a head", () => {
      const { layers: _, kvIdentity: __, ...found } = recipe(sizes);
      expect(found).toEqual({
        architecture: name,
        hiddenSize: 40,
        intermediateSize: 56,
        numHiddenLayers: 2,
        numAttentionHeads: 4,
        numKeyValueHeads: 2,
        headDim: 16,
        maxPositionEmbeddings: 1024,
        vocabSize: 100,
        embedding: { weight: weight("model.embed_tokens", 100, 40), scale: 1 },
        ropes: [{ theta: 500_000, partialRotaryFactor: 1, scaling: null }],
        norm: norm("model.norm"),
        head: { weight: weight("lm_head", 100, 40), scale: 1 },
      });
    });

    it("has no head of its own where it is tied", () => {
      const { head } = recipe({ ...sizes, tie_word_embeddings: true });
      expect(head).toEqual({ weight: null, scale: 1 });
    });

    it("rotates a part of each head where the configuration says so", () => {
      const { ropes } = recipe({ ...sizes, partial_rotary_factor: 0.5 });
      expect(ropes).toEqual([
        { theta: 500_000, partialRotaryFactor: 0.5, scaling: null },
      ]);
    });
  },
);

describe("the identity of KV", () => {
  const changes: object[] = [
    {},
    { hidden_size: 80 },
    { intermediate_size: 64 },
    { num_hidden_layers: 3 },
    { num_attention_heads: 8 },
    { num_key_value_heads: 4 },
    { head_dim: 32 },
    { rms_norm_eps: 1e-6 },
    { rope_theta: 10_000 },
    { rope_scaling: { type: "linear", factor: 2 } },
    { rope_scaling: { type: "linear", factor: 4 } },
    { partial_rotary_factor: 0.5 },
    { max_position_embeddings: 2048 },
    { sliding_window: 512, use_sliding_window: true },
    { vocab_size: 101 },
    { tie_word_embeddings: true },
    { attention_bias: true },
    { mlp_bias: true },
    { hidden_act: "gelu" },
  ];

  it("is another one for every other recipe, and the same for the same", () => {
    const recipes = LLAMA_LIKE.flatMap(({ recipe }) =>
      changes.map((more) => {
        const { kvIdentity, ...rest } = recipe({ ...sizes, ...more });
        return { identity: JSON.stringify(kvIdentity), rest };
      }),
    );
    const byRecipe = new Map(
      recipes.map(({ identity, rest }) => [JSON.stringify(rest), identity]),
    );
    // Qwen2 does not heed attention_bias.
    expect(byRecipe.size).toBe(LLAMA_LIKE.length * changes.length - 1);
    expect(new Set(byRecipe.values()).size).toBe(byRecipe.size);
    for (const { identity, rest } of recipes)
      expect(byRecipe.get(JSON.stringify(rest))).toBe(identity);
  });

  it("of later architectures is another one where their KV is, whatever the logits are", () => {
    const identity = (
      { recipe }: Architecture,
      more: object,
      context?: number,
    ) => JSON.stringify(recipe({ ...sizes, ...more }, context).kvIdentity);
    const longRope = {
      rope_scaling: {
        type: "longrope",
        short_factor: Array<number>(8).fill(1),
        long_factor: Array<number>(8).fill(2),
      },
      original_max_position_embeddings: 512,
    };
    const all = [
      identity(smollm3, {}),
      identity(smollm3, { no_rope_layers: [1, 0] }),
      identity(granite, {}),
      identity(granite, { embedding_multiplier: 12 }),
      identity(granite, { residual_multiplier: 0.5 }),
      identity(granite, { attention_multiplier: 0.5 }),
      identity(gemma3, {}),
      identity(gemma3, { sliding_window: 512 }),
      identity(gemma3, { sliding_window: 256 }),
      identity(gemma3, { sliding_window: 256, sliding_window_pattern: 2 }),
      identity(gemma3, { rope_local_base_freq: 5000 }),
      identity(gemma3, { query_pre_attn_scalar: 100 }),
      identity(phi3, {}),
      identity(phi3, { partial_rotary_factor: 0.5 }),
      identity(phi3, longRope),
      identity(phi3, longRope, 1024),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(identity(phi3, longRope, 400)).toBe(identity(phi3, longRope));
    expect(identity(granite, { logits_scaling: 8 })).toBe(
      identity(granite, {}),
    );
  });
});

describe("Gemma 3's recipe", () => {
  const recipe = (more: object) =>
    gemma3.recipe({ ...sizes, num_hidden_layers: 6, ...more });

  it("has norms behind attention and MLP, all by 1 + weight, and scaled embeddings", () => {
    const { layers, embedding, norm: last } = recipe({ sliding_window: 8 });
    const { attention, mlp } = layers[1]!;
    const gemmaNorm = (name: string) => ({ ...norm(name), offset: 1 });
    expect(attention.norm).toEqual(gemmaNorm(`${at}.input_layernorm`));
    expect(attention.postNorm).toEqual(
      gemmaNorm(`${at}.post_attention_layernorm`),
    );
    expect(mlp.norm).toEqual(gemmaNorm(`${at}.pre_feedforward_layernorm`));
    expect(mlp.postNorm).toEqual(gemmaNorm(`${at}.post_feedforward_layernorm`));
    expect(attention.qkNorm).toEqual({ ...headNorms, offset: 1 });
    expect(last).toEqual(gemmaNorm("model.norm"));
    expect(embedding.scale).toBe(Math.sqrt(40));
    expect(mlp.activation).toBe("gelu_pytorch_tanh");
  });

  it("has a window and a RoPE of their own in five layers of six", () => {
    const linear = { rope_type: "linear", factor: 8 };
    const older = { sliding_window: 8, rope_scaling: linear };
    const newer = {
      sliding_window: 8,
      layer_types: [
        ...Array<string>(5).fill("sliding_attention"),
        "full_attention",
      ],
      rope_theta: undefined,
      rope_parameters: {
        full_attention: { ...linear, rope_theta: 500_000 },
        sliding_attention: { rope_type: "default", rope_theta: 10_000 },
      },
    };
    for (const more of [older, newer]) {
      const { layers, ropes } = recipe(more);
      const found = layers.map(({ attention }) => [
        attention.window,
        attention.rope,
      ]);
      expect(found).toEqual([...Array<number[]>(5).fill([8, 1]), [null, 0]]);
      expect(ropes).toEqual([
        {
          theta: 500_000,
          partialRotaryFactor: 1,
          scaling: { type: "linear", factor: 8 },
        },
        { theta: 10_000, partialRotaryFactor: 1, scaling: null },
      ]);
    }
  });

  it("has no caps of logits: those of Gemma 2 are refused", () => {
    expect(() => recipe({ final_logit_softcapping: 30 })).toThrow(
      "final_logit_softcapping: null, found 30",
    );
  });
});

it("SmolLM3 has no RoPE in every fourth layer, or where its list says 0", () => {
  const ropes = (more: object) =>
    smollm3
      .recipe({ ...sizes, num_hidden_layers: 8, ...more })
      .layers.map(({ attention }) => attention.rope);
  expect(ropes({})).toEqual([0, 0, 0, null, 0, 0, 0, null]);
  const no_rope_layers = [1, 0, 1, 1, 1, 1, 1, 0];
  expect(ropes({ no_rope_layers })).toEqual([0, null, 0, 0, 0, 0, 0, null]);
});

it("Granite scales embeddings, outputs, scores and logits", () => {
  const recipe = granite.recipe({
    ...sizes,
    embedding_multiplier: 12,
    residual_multiplier: 0.25,
    attention_multiplier: 0.125,
    logits_scaling: 8,
  });
  expect(recipe.embedding.scale).toBe(12);
  expect(recipe.layers[1]).toEqual({
    ...plainLayer,
    attention: { ...plainLayer.attention, scale: 0.125 },
    residualScale: 0.25,
  });
  expect(recipe.head.scale).toBe(0.125);
});

describe("Phi-3's recipe", () => {
  const factors = {
    short_factor: [1, 1, 1, 1, 1, 1, 1, 1],
    long_factor: [1, 2, 3, 4, 5, 6, 7, 8],
  };
  const config = {
    ...sizes,
    rope_scaling: { type: "longrope", ...factors },
    original_max_position_embeddings: 256,
  };

  it("has joined matrices", () => {
    const { attention, mlp } = phi3.recipe(sizes).layers[1]!;
    expect(attention.qkv).toEqual({
      weights: [weight(`${at}.self_attn.qkv_proj`, 128, 40)],
      biases: null,
    });
    expect(mlp.gateUp).toEqual({
      weights: [weight(`${at}.mlp.gate_up_proj`, 112, 40)],
      biases: null,
    });
  });

  it("takes the factors, and the context, that the context asked for needs", () => {
    const of = (contextTokens?: number) => {
      const { ropes, maxPositionEmbeddings } = phi3.recipe(
        config,
        contextTokens,
      );
      const { scaling } = ropes[0];
      return {
        factors: scaling?.type === "factors" ? scaling.factors : undefined,
        context: maxPositionEmbeddings,
      };
    };
    const short = { factors: factors.short_factor, context: 256 };
    expect(of()).toEqual(short);
    expect(of(256)).toEqual(short);
    const long = { factors: factors.long_factor, context: 257 };
    expect(of(257)).toEqual(long);
    expect(of(1e6)).toEqual({ ...long, context: 1024 });
  });

  it("has LongRoPE's attention factor, or the one that is named", () => {
    const factorOf = (more: object) => {
      const { scaling } = phi3.recipe({
        ...config,
        rope_scaling: { ...config.rope_scaling, ...more },
      }).ropes[0];
      return scaling?.type === "factors" ? scaling.attentionFactor : undefined;
    };
    expect(factorOf({})).toBeCloseTo(Math.sqrt(1 + 2 / 8), 12);
    expect(factorOf({ attention_factor: 1.5 })).toBe(1.5);
  });
});

describe("in GGUF", () => {
  const names = [
    ["model.embed_tokens", "token_embd"],
    ["model.norm", "output_norm"],
    ["lm_head", "output"],
    ["input_layernorm", "attn_norm"],
    ["self_attn.q_proj", "attn_q"],
    ["self_attn.k_proj", "attn_k"],
    ["self_attn.v_proj", "attn_v"],
    ["self_attn.o_proj", "attn_output"],
    ["post_attention_layernorm", "ffn_norm"],
    ["mlp.gate_proj", "ffn_gate"],
    ["mlp.up_proj", "ffn_up"],
    ["mlp.down_proj", "ffn_down"],
  ];
  const norms = [
    ["self_attn.q_norm", "attn_q_norm"],
    ["self_attn.k_norm", "attn_k_norm"],
  ];
  const paired = ["self_attn.q_proj", "self_attn.k_proj"];

  it.each([
    [llama, "llama", names, paired],
    [mistral, "llama", names, paired],
    [qwen2, "qwen2", names, []],
    [qwen3, "qwen3", [...names, ...norms], []],
  ] as const)("$name has its names and the order of its rows", (...row) => {
    const [{ gguf }, name, tensorNames, pairedTensors] = row;
    expect(gguf.name).toBe(name);
    expect([...gguf.tensorNames]).toEqual(tensorNames);
    expect([...gguf.pairedTensors]).toEqual(pairedTensors);
    expect(gguf.configVectors).toEqual(["rope_freqs.weight"]);
  });

  it("a file that is called llama is a Llama, not a Mistral", () => {
    const first = ARCHITECTURES.find(({ gguf }) => gguf.name === "llama");
    expect(first).toBe(llama);
  });
});
