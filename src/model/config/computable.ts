/**
 * The part of what recipes can express that the network computes. When the network (network/layer.ts and the
 * kernels) learns a new part, allow it here; until then a recipe with it is refused by name. The types enforce
 * this: the network takes a ModelConfig, and only `expectComputable` makes a recipe one.
 */
import type {
  LayerRecipe,
  MlpRecipe,
  Projection,
  Recipe,
  TensorSpec,
} from "../architectures/recipe";
import { fail } from "../architectures/config-fields";

/** A recipe that the network computes. */
export interface ModelConfig extends Recipe {
  layers: readonly ComputableLayer[];
}

export interface ComputableLayer extends LayerRecipe {
  mlp: ComputableMlp;
}

interface ComputableMlp extends MlpRecipe {
  gateUp: Projection & { biases: null };
  activation: "silu" | "gelu_pytorch_tanh";
  down: Projection & { biases: null };
}

/** RoPE turns vec4s of pairs. */
const ROTARY_MULTIPLE = 8;

/**
 * @throws ModelFormatError that names the first part that the network does not compute; RangeError for a recipe
 *   whose tensors contradict its sizes
 */
export function expectComputable(
  recipe: Recipe,
): asserts recipe is ModelConfig {
  const { ropes, layers, headDim } = recipe;
  const share = ropes[0]?.partialRotaryFactor ?? 1;
  const rotaryDim = headDim * share;
  if (rotaryDim === 0 || rotaryDim % ROTARY_MULTIPLE !== 0)
    fail(
      `partial_rotary_factor: a multiple of ${ROTARY_MULTIPLE} values of a head's ${headDim}`,
      share,
    );
  const other = ropes.find(
    ({ partialRotaryFactor }) => partialRotaryFactor !== share,
  );
  if (other)
    fail(
      `partial_rotary_factor: ${share} in all layers`,
      other.partialRotaryFactor,
    );
  for (const { mlp } of layers) {
    if (mlp.gateUp.biases ?? mlp.down.biases) fail("mlp_bias: false", "true");
    if (mlp.activation !== "silu" && mlp.activation !== "gelu_pytorch_tanh")
      fail("hidden_act: silu or gelu_pytorch_tanh", mlp.activation);
  }
  expectShapes(recipe);
}

function expectSize({ name, shape }: TensorSpec, size: number): void {
  if (shape.length !== 1 || shape[0] !== size)
    throw new RangeError(
      `${name} with [${shape.join(", ")}] values: expected [${size}]`,
    );
}

/** The network takes these from the sizes, not from the tensors. */
function expectShapes(recipe: Recipe): void {
  const { hiddenSize, intermediateSize, headDim, vocabSize } = recipe;
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads } = recipe;
  const expectShape = (
    { weights, biases }: Projection,
    outputs: number,
    inputs: number,
  ) => {
    const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const values =
      biases?.reduce((sum, { shape }) => sum + shape[0]!, 0) ?? rows;
    const isOther = weights.some(({ shape }) => shape[1] !== inputs);
    if (rows !== outputs || isOther || values !== rows)
      throw new RangeError(
        `a projection of ${weights[0]!.name} with ${rows} rows and ${values} biases: expected [${outputs}, ${inputs}]`,
      );
  };
  if (recipe.layers.length !== recipe.numHiddenLayers)
    throw new RangeError(
      `${recipe.layers.length} layers of ${recipe.numHiddenLayers}`,
    );
  expectSize(recipe.norm.weight, hiddenSize);
  for (const { attention, mlp } of recipe.layers) {
    for (const part of [attention, mlp]) {
      expectSize(part.norm.weight, hiddenSize);
      if (part.postNorm) expectSize(part.postNorm.weight, hiddenSize);
    }
    if (attention.rope !== null && !recipe.ropes[attention.rope])
      throw new RangeError(
        `RoPE ${attention.rope} of ${recipe.ropes.length} in a layer`,
      );
    const { q, k } = attention.qkNorm ?? {};
    for (const norm of [q, k]) if (norm) expectSize(norm, headDim);
    expectShape(attention.qkv, (heads + 2 * kvHeads) * headDim, hiddenSize);
    expectShape(attention.output, hiddenSize, heads * headDim);
    expectShape(mlp.gateUp, 2 * intermediateSize, hiddenSize);
    expectShape(mlp.down, hiddenSize, intermediateSize);
  }
  for (const weight of [recipe.embedding.weight, recipe.head.weight])
    if (weight)
      expectShape({ weights: [weight], biases: null }, vocabSize, hiddenSize);
}
