/**
 * The part of what recipes can express that the network computes. When the network (network/layer.ts and the
 * kernels) learns a new part, allow it here; until then a recipe with it is refused by name. The types enforce
 * this: the network takes a ModelConfig, and only `expectComputable` makes a recipe one.
 */
import type {
  AttentionRecipe,
  Embedding,
  Head,
  HeadNorms,
  LayerRecipe,
  MlpRecipe,
  Norm,
  Projection,
  Recipe,
  Rope,
  RopeScaling,
  TensorSpec,
} from "../architectures/recipe";
import { fail } from "../architectures/config-fields";

/** A recipe that the network computes. */
export interface ModelConfig extends Recipe {
  embedding: Embedding & { scale: 1 };
  /** One for all layers. */
  ropes: readonly [ComputableRope];
  layers: readonly ComputableLayer[];
  norm: PlainNorm;
  head: Head & { scale: 1 };
}

export interface ComputableLayer extends LayerRecipe {
  attention: ComputableAttention;
  mlp: ComputableMlp;
  residualScale: 1;
}

/** A window is at least as long as the context, so that it has no effect. */
export interface ComputableAttention extends AttentionRecipe {
  norm: PlainNorm;
  qkNorm: (HeadNorms & { offset: 0 }) | null;
  rope: 0;
  postNorm: null;
}

interface ComputableMlp extends MlpRecipe {
  norm: PlainNorm;
  gateUp: Projection & { biases: null };
  activation: "silu";
  down: Projection & { biases: null };
  postNorm: null;
}

export interface ComputableRope extends Rope {
  partialRotaryFactor: 1;
  scaling: Exclude<RopeScaling, { type: "longrope" }> | null;
}

type PlainNorm = Norm & { offset: 0 };

/**
 * @throws ModelFormatError that names the first part that the network does not compute; RangeError for a recipe
 *   whose tensors contradict its sizes
 */
export function expectComputable(
  recipe: Recipe,
): asserts recipe is ModelConfig {
  const { embedding, ropes, layers, norm, head } = recipe;
  expectScale("embeddings", embedding.scale);
  for (const rope of ropes) expectPlainRope(rope);
  if (ropes.length !== 1) fail("one RoPE for all layers", `${ropes.length}`);
  for (const [l, layer] of layers.entries())
    expectPlainLayer(`layer ${l}`, layer, recipe);
  expectPlainNorm("the last norm", norm);
  expectScale("logits", head.scale);
  expectShapes(recipe);
}

function expectPlainRope({ partialRotaryFactor, scaling }: Rope): void {
  if (partialRotaryFactor !== 1)
    fail("partial_rotary_factor: 1", `${partialRotaryFactor}`);
  if (scaling?.type === "longrope")
    fail("RoPE of type default, linear or llama3", scaling.type);
}

function expectPlainLayer(
  layer: string,
  { attention, mlp, residualScale }: LayerRecipe,
  { maxPositionEmbeddings: context }: Recipe,
): void {
  const { qkNorm, rope, window } = attention;
  expectPlainNorm(`${layer}'s norm before attention`, attention.norm);
  if (qkNorm) expectPlainNorm(`${layer}'s norms of q and k`, qkNorm);
  if (rope === null) fail(`RoPE in ${layer}`, "none");
  if (rope !== 0) fail(`RoPE 0 in ${layer}`, `${rope}`);
  if (window !== null && window < context)
    fail(`a window of the whole context (${context}) in ${layer}`, `${window}`);
  if (attention.postNorm)
    fail(`no norm behind ${layer}'s attention`, attention.postNorm.weight.name);

  expectPlainNorm(`${layer}'s norm before the MLP`, mlp.norm);
  if (mlp.gateUp.biases ?? mlp.down.biases) fail("mlp_bias: false", "true");
  if (mlp.activation !== "silu") fail("hidden_act: silu", mlp.activation);
  if (mlp.postNorm)
    fail(`no norm behind ${layer}'s MLP`, mlp.postNorm.weight.name);
  expectScale(`${layer}'s outputs`, residualScale);
}

function expectPlainNorm(which: string, { offset }: Pick<Norm, "offset">) {
  if (offset !== 0)
    fail(`${which}: weights without an offset`, `${offset} + weights`);
}

function expectScale(what: string, scale: number): void {
  if (scale !== 1) fail(`${what} unscaled`, `${what} times ${scale}`);
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
    expectSize(attention.norm.weight, hiddenSize);
    expectSize(mlp.norm.weight, hiddenSize);
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
