import { rmsNorm } from "./rms-norm";

export interface LinearOptions {
  /** Values in a row of x, and in a row of the weight. */
  inputs: number;
  /** One value for each row of the weight. */
  bias?: ArrayLike<number>;
  /** Normalises the rows of x first. */
  norm?: { weight: ArrayLike<number>; eps: number };
  /** The weight is [gate rows; up rows], and the result activation(gate) · up. */
  gated?: "silu" | "gelu";
  /** What the result, with its bias, is multiplied by. */
  scale?: number;
  /** Added to the result: [rows, outputs]. */
  residual?: ArrayLike<number>;
}

/** y = x · Wᵀ with what comes before and after it: [rows, outputs]. W is [weight rows, inputs]. */
export function linear(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  { inputs, bias, norm, gated, residual, scale = 1 }: LinearOptions,
): Float64Array {
  const rows = x.length / inputs;
  const weightRows = weight.length / inputs;
  // Four rows at a time: four sums that need not wait for each other. The last rows may be padding.
  const paddedRows = 4 * Math.ceil(rows / 4);
  const h = new Float64Array(paddedRows * inputs);
  h.set(norm ? rmsNorm(x, norm.weight, norm.eps) : x);

  const products = new Float64Array(paddedRows * weightRows);
  const w = new Float64Array(inputs);
  for (let o = 0; o < weightRows; o++) {
    for (let i = 0; i < inputs; i++) w[i] = weight[o * inputs + i]!;
    for (let row = 0; row < paddedRows; row += 4) {
      const [h0, h1] = [row * inputs, (row + 1) * inputs];
      const [h2, h3] = [(row + 2) * inputs, (row + 3) * inputs];
      let y0 = bias ? bias[o]! : 0;
      let [y1, y2, y3] = [y0, y0, y0];
      for (let i = 0; i < inputs; i++) {
        y0 += h[h0 + i]! * w[i]!;
        y1 += h[h1 + i]! * w[i]!;
        y2 += h[h2 + i]! * w[i]!;
        y3 += h[h3 + i]! * w[i]!;
      }
      products[row * weightRows + o] = y0;
      products[(row + 1) * weightRows + o] = y1;
      products[(row + 2) * weightRows + o] = y2;
      products[(row + 3) * weightRows + o] = y3;
    }
  }

  const outputs = gated ? weightRows / 2 : weightRows;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      let value = products[row * weightRows + o]! * scale;
      if (gated)
        value =
          ACTIVATIONS[gated](value) * products[row * weightRows + outputs + o]!;
      if (residual) value += residual[row * outputs + o]!;
      y[row * outputs + o] = value;
    }
  }
  return y;
}

const ACTIVATIONS = {
  silu: (x: number) => x / (1 + Math.exp(-x)),
  /** By its tanh approximation. */
  gelu: (x: number) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};
