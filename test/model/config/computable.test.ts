/** What a recipe can say and the network does not compute: each is refused by its name. */
import { describe, expect, it } from "vitest";
import type {
  AttentionRecipe,
  LayerRecipe,
  MlpRecipe,
  Recipe,
  Rope,
} from "../../../src/model/architectures/recipe";
import { expectComputable } from "../../../src/model/config/computable";
import { readConfig } from "../../../src/model/config/config";
import { ModelFormatError } from "../../../src/util/errors";
import rondoTiny from "../../../public/models/rondo-tiny/config.json";

const plain: Recipe = readConfig(rondoTiny);
const [rope] = plain.ropes as [Rope];
const headNorms = {
  q: { name: "q_norm.weight", shape: [32] },
  k: { name: "k_norm.weight", shape: [32] },
  eps: 1e-6,
  offset: 0 as const,
};

/** The plain recipe with another layer 5. */
function withLayer(change: (layer: LayerRecipe) => LayerRecipe): Recipe {
  const layers = plain.layers.map((layer, l) =>
    l === 5 ? change(layer) : layer,
  );
  return { ...plain, layers };
}
const withAttention = (more: Partial<AttentionRecipe>) =>
  withLayer((layer) => ({
    ...layer,
    attention: { ...layer.attention, ...more },
  }));
const withMlp = (more: Partial<MlpRecipe>) =>
  withLayer((layer) => ({ ...layer, mlp: { ...layer.mlp, ...more } }));
const withRope = (more: Partial<Rope>): Recipe => ({
  ...plain,
  ropes: [{ ...rope, ...more }],
});

const { attention, mlp } = plain.layers[5]!;
const gemmaNorm = { ...attention.norm, offset: 1 as const };
const biasOf = (values: number) => [{ name: "a.bias", shape: [values] }];

describe("a recipe is refused", () => {
  it.each<[what: string, recipe: Recipe, message: string]>([
    [
      "RoPE on so many values that no vec4s of pairs are left",
      withRope({ partialRotaryFactor: 0.1 }),
      "partial_rotary_factor: a multiple of 8 values of a head's 32, found 0.1",
    ],
    [
      "RoPE on parts of two sizes",
      { ...plain, ropes: [rope, { ...rope, partialRotaryFactor: 0.5 }] },
      "partial_rotary_factor: 1 in all layers, found 0.5",
    ],
    [
      "another activation",
      withMlp({ activation: "relu2" }),
      "hidden_act: silu or gelu_pytorch_tanh, found relu2",
    ],
    [
      "biases of gate and up",
      withMlp({ gateUp: { ...mlp.gateUp, biases: biasOf(1024) } }),
      "mlp_bias: false, found true",
    ],
    [
      "biases of down",
      withMlp({ down: { ...mlp.down, biases: biasOf(192) } }),
      "mlp_bias: false, found true",
    ],
  ])("with %s", (_, recipe, message) => {
    expect(() => expectComputable(recipe)).toThrow(ModelFormatError);
    expect(() => expectComputable(recipe)).toThrow(message);
  });

  const tensor = (shape: number[]) => ({ name: "a.weight", shape });
  const projection = (...shapes: number[][]) => ({
    weights: shapes.map(tensor),
    biases: null,
  });
  it.each<[what: string, recipe: Recipe, message: string]>([
    [
      "too few layers",
      { ...plain, layers: plain.layers.slice(1) },
      "7 layers of 8",
    ],
    [
      "too few rows of q, k and v",
      withAttention({ qkv: projection([192, 192], [64, 192]) }),
      "a.weight with 256 rows and 256 biases: expected [320, 192]",
    ],
    [
      "too few biases",
      withAttention({ output: { ...attention.output, biases: biasOf(100) } }),
      "with 192 rows and 100 biases",
    ],
    [
      "columns of another number",
      withMlp({ gateUp: projection([512, 192], [512, 64]) }),
      "expected [1024, 192]",
    ],
    [
      "a projection back to something else",
      withMlp({ down: projection([100, 512]) }),
      "expected [192, 512]",
    ],
    [
      "an embedding of another size",
      { ...plain, embedding: { weight: tensor([1536, 64]), scale: 1 } },
      "expected [1536, 192]",
    ],
    [
      "a head of another size",
      { ...plain, head: { weight: tensor([100, 192]), scale: 1 } },
      "expected [1536, 192]",
    ],
    [
      "a norm of another size",
      withMlp({ norm: { ...mlp.norm, weight: tensor([191]) } }),
      "a.weight with [191] values: expected [192]",
    ],
    [
      "a norm behind attention of another size",
      withAttention({ postNorm: { ...mlp.norm, weight: tensor([191]) } }),
      "a.weight with [191] values: expected [192]",
    ],
    [
      "a RoPE that it does not have",
      withAttention({ rope: 1 }),
      "RoPE 1 of 1 in a layer",
    ],
    [
      "norms of heads of another size",
      withAttention({ qkNorm: { ...headNorms, k: tensor([192]) } }),
      "a.weight with [192] values: expected [32]",
    ],
  ])("as nonsense with %s", (_, recipe, message) => {
    expect(() => expectComputable(recipe)).toThrow(RangeError);
    expect(() => expectComputable(recipe)).toThrow(message);
  });
});

describe("a recipe is let through", () => {
  it.each<[what: string, recipe: Recipe]>([
    ["as it is", plain],
    ["with attention scaled in another way", withAttention({ scale: 1 / 16 })],
    ["with a window", withAttention({ window: 512 })],
    ["without RoPE in a layer", withAttention({ rope: null })],
    [
      "with norms by 1 + weight, and behind attention and MLP",
      withLayer((layer) => ({
        ...layer,
        attention: { ...attention, norm: gemmaNorm, postNorm: gemmaNorm },
        mlp: { ...mlp, norm: gemmaNorm, postNorm: gemmaNorm },
      })),
    ],
    ["with GELU", withMlp({ activation: "gelu_pytorch_tanh" })],
    [
      "with outputs that are scaled",
      withLayer((layer) => ({ ...layer, residualScale: 0.22 })),
    ],
    [
      "with RoPE on a half of each head",
      withRope({ partialRotaryFactor: 0.5 }),
    ],
    ["with norms of heads in one layer", withAttention({ qkNorm: headNorms })],
    [
      "with a bias in one projection of attention",
      withAttention({ output: { ...attention.output, biases: biasOf(192) } }),
    ],
    [
      "with q, k and v in one tensor",
      withAttention({
        qkv: {
          weights: [{ name: "qkv_proj.weight", shape: [320, 192] }],
          biases: null,
        },
      }),
    ],
    [
      "with frequencies scaled",
      withRope({ scaling: { type: "linear", factor: 2 } }),
    ],
  ])("%s", (_, recipe) => {
    expect(() => expectComputable(recipe)).not.toThrow();
  });
});
