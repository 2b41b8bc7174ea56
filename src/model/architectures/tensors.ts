/** Parts of a recipe, by the names of their tensors. */
import type { Norm, Projection, TensorSpec } from "./recipe";

/** A norm over `size` values by its tensor's name, less `.weight`. */
export function rmsNorm(
  name: string,
  size: number,
  eps: number,
  offset: Norm["offset"] = 0,
): Norm {
  return { weight: weightOf(name, [size]), eps, offset };
}

/**
 * A linear layer of one tensor or several.
 *
 * @param outputs of each tensor, by its name less `.weight`, in the order in which they are joined
 */
export function projection(
  outputs: Readonly<Record<string, number>>,
  inputs: number,
  { hasBias }: { hasBias: boolean },
): Projection {
  const parts = Object.entries(outputs);
  return {
    weights: parts.map(([name, rows]) => weightOf(name, [rows, inputs])),
    biases: hasBias
      ? parts.map(([name, rows]) => ({ name: `${name}.bias`, shape: [rows] }))
      : null,
  };
}

export function weightOf(name: string, shape: readonly number[]): TensorSpec {
  return { name: `${name}.weight`, shape };
}
