/** The tensors that a model of a given configuration has, under Hugging Face's names. */
import type { ModelConfig } from "./config";

/** Name and shape ([rows, columns] or [values]) of every tensor that the model computes with. */
export function expectedTensors(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize, intermediateSize, headDim, vocabSize } = config;
  const queries = config.numAttentionHeads * headDim;
  const keys = config.numKeyValueHeads * headDim;

  const shapes = new Map<string, number[]>();
  shapes.set("model.embed_tokens.weight", [vocabSize, hiddenSize]);

  for (let index = 0; index < config.numHiddenLayers; index++) {
    const layer = `model.layers.${index}`;
    shapes.set(`${layer}.input_layernorm.weight`, [hiddenSize]);

    const attention = `${layer}.self_attn`;
    shapes.set(`${attention}.q_proj.weight`, [queries, hiddenSize]);
    shapes.set(`${attention}.k_proj.weight`, [keys, hiddenSize]);
    shapes.set(`${attention}.v_proj.weight`, [keys, hiddenSize]);
    shapes.set(`${attention}.o_proj.weight`, [hiddenSize, queries]);
    if (config.hasQkvBias) {
      shapes.set(`${attention}.q_proj.bias`, [queries]);
      shapes.set(`${attention}.k_proj.bias`, [keys]);
      shapes.set(`${attention}.v_proj.bias`, [keys]);
    }
    if (config.hasOutputBias) {
      shapes.set(`${attention}.o_proj.bias`, [hiddenSize]);
    }
    if (config.hasQkNorm) {
      shapes.set(`${attention}.q_norm.weight`, [headDim]);
      shapes.set(`${attention}.k_norm.weight`, [headDim]);
    }

    shapes.set(`${layer}.post_attention_layernorm.weight`, [hiddenSize]);
    shapes.set(`${layer}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
  }

  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tieWordEmbeddings) {
    shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  }
  return shapes;
}
