/**
 * What a model computes, as plain data: its sizes, the tensors of each part, and how the parts of each layer
 * work. The architecture's file writes the recipe; loading and running the model read it. A recipe can express
 * more than the network computes: config/computable.ts draws the line.
 */

export interface Recipe {
  /** As in config.json's `architectures`. */
  architecture: string;
  /** Values of the residual stream. */
  hiddenSize: number;
  /** Values between the MLP's projections. */
  intermediateSize: number;
  numHiddenLayers: number;
  numAttentionHeads: number;
  /** Divides `numAttentionHeads`. */
  numKeyValueHeads: number;
  /** Values per head; a multiple of 8, and not always hiddenSize / numAttentionHeads. */
  headDim: number;
  /** Tokens of context the model was made for. */
  maxPositionEmbeddings: number;
  vocabSize: number;
  embedding: Embedding;
  /** Each kind of rotation once; layers refer to theirs by index. */
  ropes: readonly [Rope, ...Rope[]];
  layers: readonly LayerRecipe[];
  /** After the last layer. */
  norm: Norm;
  head: Head;
  /**
   * The part of all this that stored KV depends on. Its JSON is hashed, in the order of its keys: if the text
   * changes, all stored KV of the model is computed again.
   */
  kvIdentity: object;
}

/** A tensor of the checkpoint. */
export interface TensorSpec {
  /** Hugging Face's. */
  name: string;
  /** [rows, columns], or [values]. */
  shape: readonly number[];
}

/** A linear layer: tensors stacked by rows, because the network multiplies by all of them at once. */
export interface Projection {
  /** [outputs, inputs] each. */
  weights: readonly TensorSpec[];
  /** One for each of the weights. */
  biases: readonly TensorSpec[] | null;
}

/** x · weight / rms(x). */
export interface Norm {
  weight: TensorSpec;
  eps: number;
  /** To be added to the weights of safetensors files: Gemma's norms are 1 + weight. GGUF includes it. */
  offset: 0 | 1;
}

export interface Embedding {
  weight: TensorSpec;
  /** Factor for rows of the table. */
  scale: number;
}

export interface Head {
  /** null: tied to the embedding. */
  weight: TensorSpec | null;
  /** Factor for logits. */
  scale: number;
}

/** In the order of the forward pass. */
export interface LayerRecipe {
  attention: AttentionRecipe;
  mlp: MlpRecipe;
  /** Factor for both outputs before they are added to the residual stream. */
  residualScale: number;
}

export interface AttentionRecipe {
  /** Of the residual stream, before the projections. */
  norm: Norm;
  /** Queries of all heads, then keys, then values. */
  qkv: Projection;
  /** Of each head of q and k, before RoPE. */
  qkNorm: HeadNorms | null;
  /** Index into the recipe's `ropes`; null: this layer has no RoPE. */
  rope: number | null;
  /** Factor for q · k before softmax. */
  scale: number;
  /** The most tokens that a row attends to, counting itself; null: all before it. */
  window: number | null;
  output: Projection;
  /** Of the output, before it is added to the residual stream. */
  postNorm: Norm | null;
}

export interface HeadNorms {
  /** [head_dim] */
  q: TensorSpec;
  k: TensorSpec;
  eps: number;
  /** As of `Norm`. */
  offset: 0 | 1;
}

/** down(activation(gate(x)) · up(x)) */
export interface MlpRecipe {
  /** Of the residual stream, before the projections. */
  norm: Norm;
  /** gate, then up. */
  gateUp: Projection;
  /** config.json's name for it. */
  activation: string;
  down: Projection;
  /** Of the output, before it is added to the residual stream. */
  postNorm: Norm | null;
}

export interface Rope {
  theta: number;
  /** The share of a head that is rotated, from its first value on. */
  partialRotaryFactor: number;
  scaling: RopeScaling | null;
}

/** How RoPE's frequencies are stretched for a longer context. */
export type RopeScaling =
  | { type: "linear"; factor: number }
  /**
   * Each frequency divided by its own factor, one for each pair; cos and sin times the attention factor (1 if
   * there is none).
   */
  | { type: "factors"; factors: readonly number[]; attentionFactor?: number }
  | {
      type: "llama3";
      factor: number;
      lowFreqFactor: number;
      highFreqFactor: number;
      originalMaxPositionEmbeddings: number;
    };
