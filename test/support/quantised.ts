/** Matrices in the formats that they have on the GPU, made here, and the values that they stand for. */
import { encode, f16Bits, f16Value, rounded } from "./tensors";
import { paddedRows } from "./gpu";
import { seededInts, seededNormals } from "./random";
import type { FloatType } from "../../src/model/checkpoint/checkpoint";
import type { MatrixFormat } from "../../src/model/weights/matrix-format";

export interface TestMatrix {
  weights: Uint8Array;
  /** Pairs of halves; without meaning for floats. */
  scales: Uint32Array;
  /** [rows, columns] */
  values: Float64Array;
}

/** A random matrix whose values are of deviation 1 or so. */
export function testMatrix(
  format: MatrixFormat,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  if (format === "Q4" || format === "Q8")
    return quantised(format === "Q4" ? 4 : 8, rows, columns, seed);
  return floats(format, rows, columns, seed);
}

function floats(
  type: FloatType,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  const values = rounded(type, seededNormals(rows * columns, seed));
  return {
    weights: encode(type, paddedRows(values, columns)),
    scales: new Uint32Array(4),
    values: Float64Array.from(values),
  };
}

function quantised(
  bits: 4 | 8,
  rows: number,
  columns: number,
  seed: number,
): TestMatrix {
  const count = rows * columns;
  const quants = seededInts(count, 2 ** bits, seed);
  const spreads = seededNormals(count / 32, seed + 1);
  const offsets = seededNormals(count / 32, seed + 2);
  const weights = new Uint8Array((count * bits) / 8);
  const scales = new Uint32Array(count / 32);
  const values = new Float64Array(count);
  for (let group = 0; group < scales.length; group++) {
    const scale = f16Bits(spreads[group]! / 2 ** (bits - 1));
    const offset = f16Bits(offsets[group]!);
    scales[group] = scale + offset * 65536;
    for (let i = 32 * group; i < 32 * (group + 1); i++)
      values[i] = f16Value(scale) * quants[i]! + f16Value(offset);
  }
  quants.forEach((quant, i) => {
    const byte = Math.floor((i * bits) / 8);
    weights[byte]! += quant * 2 ** ((i * bits) % 8);
  });
  return { weights, scales, values };
}
