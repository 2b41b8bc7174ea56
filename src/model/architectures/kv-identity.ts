/** The identity of the first architectures' KV: the configuration in the form it had before recipes. */
import type { Recipe } from "./recipe";

/**
 * For Llama, Mistral, Qwen2 and Qwen3. Stored KV carries a hash of this object's JSON: its keys, their order and
 * their values must not change. An architecture that can differ in more than this needs an identity of its own.
 */
export function firstKvIdentity(recipe: Omit<Recipe, "kvIdentity">): object {
  const { attention, mlp } = recipe.layers[0]!;
  const { theta, scaling, partialRotaryFactor } = recipe.ropes[0];
  const windows = recipe.layers.map(({ attention: { window } }) => window);
  const shortest = Math.min(...windows.map((window) => window ?? Infinity));
  const isMixed = windows.some((window) => window !== windows[0]);
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
    // Once a window was the context, for nothing slides within it.
    maxPositionEmbeddings: Math.min(recipe.maxPositionEmbeddings, shortest),
    vocabSize: recipe.vocabSize,
    tieWordEmbeddings: recipe.head.weight === null,
    hasQkvBias: attention.qkv.biases !== null,
    hasOutputBias: attention.output.biases !== null,
    hasQkNorm: attention.qkNorm !== null,
    // No model with stored KV had these: left out at their old defaults.
    ...(partialRotaryFactor !== 1 && { partialRotaryFactor }),
    ...(mlp.activation !== "silu" && { activation: mlp.activation }),
    ...(mlp.gateUp.biases !== null && { hasMlpBias: true }),
    ...(isMixed && { windows }),
  };
}

/**
 * For architectures without stored KV from before recipes: all numbers of the recipe that KV depends on. The
 * names of tensors are not among them: the weights have a hash of their own.
 */
export function kvIdentity(recipe: Omit<Recipe, "kvIdentity">): object {
  const { layers, ropes, norm, embedding, ...sizes } = recipe;
  return {
    architecture: sizes.architecture,
    hiddenSize: sizes.hiddenSize,
    intermediateSize: sizes.intermediateSize,
    numAttentionHeads: sizes.numAttentionHeads,
    numKeyValueHeads: sizes.numKeyValueHeads,
    headDim: sizes.headDim,
    vocabSize: sizes.vocabSize,
    eps: norm.eps,
    embeddingScale: embedding.scale,
    ropes,
    layers: layers.map(({ attention, mlp, residualScale }) => ({
      rope: attention.rope,
      scale: attention.scale,
      window: attention.window,
      hasQkvBias: attention.qkv.biases !== null,
      hasOutputBias: attention.output.biases !== null,
      hasQkNorm: attention.qkNorm !== null,
      hasPostNorms: [attention.postNorm !== null, mlp.postNorm !== null],
      activation: mlp.activation,
      residualScale,
    })),
  };
}
