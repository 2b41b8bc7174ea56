/** Lists the tensors of a model's recipe. */
import type { LayerRecipe, Recipe, TensorSpec } from "../architectures/recipe";

/** Name and shape ([rows, columns] or [values]) of every tensor that the model computes with. */
export function expectedTensors(
  recipe: Recipe,
): Map<string, readonly number[]> {
  const { embedding, layers, norm, head } = recipe;
  const tensors = [
    embedding.weight,
    ...layers.flatMap(tensorsOf),
    norm.weight,
    ...(head.weight ? [head.weight] : []),
  ];
  return new Map(tensors.map(({ name, shape }) => [name, shape]));
}

function tensorsOf({ attention, mlp }: LayerRecipe): TensorSpec[] {
  const { qkNorm } = attention;
  const projections = [attention.qkv, attention.output, mlp.gateUp, mlp.down];
  const norms = [attention.norm, attention.postNorm, mlp.norm, mlp.postNorm];
  return [
    ...projections.flatMap(({ weights, biases }) => [
      ...weights,
      ...(biases ?? []),
    ]),
    ...norms.flatMap((norm) => (norm ? [norm.weight] : [])),
    ...(qkNorm ? [qkNorm.q, qkNorm.k] : []),
  ];
}
