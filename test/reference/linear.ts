import { rmsNorm } from "./rms-norm";

export interface LinearOptions {
  /** Values in a row of x, and in a row of the weight. */
  inputs: number;
  /** One value for each row of the weight. */
  bias?: ArrayLike<number>;
  /** Normalises the rows of x first. */
  norm?: { weight: ArrayLike<number>; eps: number };
  /** The weight is [gate rows; up rows], and the result silu(gate) · up. */
  gated?: boolean;
  /** Added to the result: [rows, outputs]. */
  residual?: ArrayLike<number>;
}

/** y = x · Wᵀ with what comes before and after it: [rows, outputs]. W is [weight rows, inputs]. */
export function linear(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  { inputs, bias, norm, gated = false, residual }: LinearOptions,
): Float64Array {
  const rows = x.length / inputs;
  const weightRows = weight.length / inputs;
  const h = norm ? rmsNorm(x, norm.weight, norm.eps) : Float64Array.from(x);

  // One row of the weight against all rows of x: the weight is the larger one, and is read once.
  const products = new Float64Array(rows * weightRows);
  const w = new Float64Array(inputs);
  for (let o = 0; o < weightRows; o++) {
    for (let i = 0; i < inputs; i++) w[i] = weight[o * inputs + i]!;
    for (let row = 0; row < rows; row++) {
      const start = row * inputs;
      let sum = bias ? bias[o]! : 0;
      for (let i = 0; i < inputs; i++) sum += h[start + i]! * w[i]!;
      products[row * weightRows + o] = sum;
    }
  }

  const outputs = gated ? weightRows / 2 : weightRows;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      let value = products[row * weightRows + o]!;
      if (gated)
        value = silu(value) * products[row * weightRows + outputs + o]!;
      if (residual) value += residual[row * outputs + o]!;
      y[row * outputs + o] = value;
    }
  }
  return y;
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}
