/** The recipes of the known architectures, each against what it should say, written by hand. */
import { describe, expect, it } from "vitest";
import type { Architecture } from "../../../src/model/architectures/architecture";
import { ARCHITECTURES } from "../../../src/model/architectures/known-architectures";
import { llama } from "../../../src/model/architectures/llama";
import { mistral } from "../../../src/model/architectures/mistral";
import { qwen2 } from "../../../src/model/architectures/qwen2";
import { qwen3 } from "../../../src/model/architectures/qwen3";
import type { LayerRecipe } from "../../../src/model/architectures/recipe";

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
      // The network has no windows yet: nothing slides within so many tokens.
      expect(found.maxPositionEmbeddings).toBe(512);
    }
  });

  it("has a bias in the MLP and another activation where the configuration says so", () => {
    for (const { recipe } of ARCHITECTURES) {
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

describe.each(ARCHITECTURES.map((one) => [one.name, one] as const))(
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
    const recipes = ARCHITECTURES.flatMap(({ recipe }) =>
      changes.map((more) => {
        const { kvIdentity, ...rest } = recipe({ ...sizes, ...more });
        return { identity: JSON.stringify(kvIdentity), rest };
      }),
    );
    const byRecipe = new Map(
      recipes.map(({ identity, rest }) => [JSON.stringify(rest), identity]),
    );
    // Qwen2 does not heed attention_bias.
    expect(byRecipe.size).toBe(ARCHITECTURES.length * changes.length - 1);
    expect(new Set(byRecipe.values()).size).toBe(byRecipe.size);
    for (const { identity, rest } of recipes)
      expect(byRecipe.get(JSON.stringify(rest))).toBe(identity);
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
