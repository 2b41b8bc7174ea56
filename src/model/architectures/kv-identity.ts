/** The identity of the first architectures' KV: the configuration in the form it had before recipes. */
import type { Recipe } from "./recipe";

/**
 * For Llama, Mistral, Qwen2 and Qwen3. Stored KV carries a hash of this object's JSON: its keys, their order and
 * their values must not change. An architecture that can differ in more than this needs an identity of its own.
 */
export function firstKvIdentity(recipe: Omit<Recipe, "kvIdentity">): object {
  const { attention, mlp } = recipe.layers[0]!;
  const { theta, scaling, partialRotaryFactor } = recipe.ropes[0]!;
  const windows = recipe.layers.map(({ attention: { window } }) => window);
  const isSliding = windows.some(
    (window) => window !== null && window < recipe.maxPositionEmbeddings,
  );
  return {
    architecture: recipe.architecture,
    hiddenSize: recipe.hiddenSize,
    intermediateSize: recipe.intermediateSize,
    numHiddenLayers: recipe.numHiddenLayers,
    numAttentionHeads: recipe.numAttentionHeads,
    numKeyValueHeads: recipe.numKeyValueHeads,
    headDim: recipe.headDim,
    rmsNormEps: recipe.norm.eps,
    ropeTheta: theta,
    ropeScaling: scaling,
    maxPositionEmbeddings: recipe.maxPositionEmbeddings,
    vocabSize: recipe.vocabSize,
    tieWordEmbeddings: recipe.head.weight === null,
    hasQkvBias: attention.qkv.biases !== null,
    hasOutputBias: attention.output.biases !== null,
    hasQkNorm: attention.qkNorm !== null,
    // No model with stored KV had these: left out at their old defaults.
    ...(partialRotaryFactor !== 1 && { partialRotaryFactor }),
    ...(mlp.activation !== "silu" && { activation: mlp.activation }),
    ...(mlp.gateUp.biases !== null && { hasMlpBias: true }),
    ...(isSliding && { windows }),
  };
}
