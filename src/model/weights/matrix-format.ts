/**
 * The format of a weight matrix on the GPU. Floats are as in the checkpoint; in Q4 and Q8, 32 columns share a
 * scale and an offset, weight = scale · quant + offset, stored separately as a pair of f16:
 *
 *     Q4   column 8 i + j of a row in bits 4 j … 4 j + 3 of its word i
 *     Q8   column 4 i + j of a row in bits 8 j … 8 j + 7 of its word i
 */
import { floatToHalf } from "../../util/float16";
import { type Groups, readBlocks } from "../checkpoint/quant-blocks";
import {
  type FloatType,
  isFloatType,
  tensorBytes,
  type TensorType,
} from "../checkpoint/checkpoint";
import { sixteenBits, toFloats } from "../checkpoint/floats";
import { GROUP, quantize, valuesOf } from "./quantize";

export type QuantFormat = "Q4" | "Q8";
export type MatrixFormat = FloatType | QuantFormat;

/** Formats of a model's matrices. */
export interface WeightFormats {
  embedding: MatrixFormat;
  /** Each once. */
  matrices: readonly MatrixFormat[];
}

/** Values from one padded row to the next. */
export function strideOf(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}

/** Requested bits of a weight: 16 means as in the checkpoint. */
export type WeightBits = 4 | 8 | 16;

/** From this size on, a model's weights get four bits by default. */
const LARGE_VALUES = 200e6;

/** The best choice for most: small models lose more by rounding, and need the room less. */
export function defaultBits(values: number): WeightBits {
  return values > LARGE_VALUES ? 4 : 16;
}

const BITS: Record<QuantFormat, 4 | 8> = { Q4: 4, Q8: 8 };
const FOUR_BIT_TYPES: readonly TensorType[] = ["Q4_0", "Q4_1", "Q4_K"];

export function isQuantFormat(format: MatrixFormat): format is QuantFormat {
  return format === "Q4" || format === "Q8";
}

/** The format of tensors that are joined to one matrix; no fewer bits than any of them has in a quantised file. */
export function matrixFormat(
  types: readonly TensorType[],
  columns: number,
  bits: WeightBits,
): MatrixFormat {
  const [type] = types;
  if (types.every(isFloatType)) {
    if (bits !== 16 && columns % GROUP === 0) return bits === 4 ? "Q4" : "Q8";
    return types.every((other) => other === type) ? (type as FloatType) : "F32";
  }
  // The rows of block types are whole groups.
  return types.every((one) => FOUR_BIT_TYPES.includes(one)) ? "Q4" : "Q8";
}

/** Bytes of a row on the GPU, and of its scales. */
export function rowBytes(
  format: MatrixFormat,
  columns: number,
): { weights: number; scales: number } {
  if (!isQuantFormat(format))
    return { weights: tensorBytes(format, strideOf(columns)), scales: 0 };
  return {
    weights: (columns * BITS[format]) / 8,
    scales: (columns / GROUP) * 4,
  };
}

/** Rows in their GPU format. */
export interface PackedRows {
  weights: Uint8Array;
  /** Only for quantised formats. */
  scales: Uint8Array | undefined;
}

/** @param bytes whole rows, as a checkpoint has them */
export function packRows(
  bytes: Uint8Array,
  type: TensorType,
  columns: number,
  format: MatrixFormat,
): PackedRows {
  if (!isQuantFormat(format))
    return {
      weights: padded(bytes, type as FloatType, columns, format),
      scales: undefined,
    };
  const bits = BITS[format];
  const groups = isFloatType(type)
    ? quantize(toFloats(bytes, type), bits)
    : readBlocks(type, bytes);
  return packGroups(
    // Two groups of 16 share one scale on the GPU: they are rounded once more, to finer steps than their own.
    groups.size === GROUP ? groups : quantize(valuesOf(groups), bits),
    bits,
  );
}

function packGroups(
  { quants, scales, offsets }: Groups,
  bits: 4 | 8,
): PackedRows {
  const pairs = new Uint32Array(scales.length);
  for (let i = 0; i < pairs.length; i++)
    pairs[i] = floatToHalf(scales[i]!) | (floatToHalf(offsets[i]!) << 16);
  let weights = quants;
  if (bits === 4) {
    weights = new Uint8Array(quants.length / 2);
    for (let i = 0; i < weights.length; i++)
      weights[i] = quants[2 * i]! | (quants[2 * i + 1]! << 4);
  }
  return { weights, scales: new Uint8Array(pairs.buffer) };
}

/** Rows of `columns` values, padded with zeros up to the stride. */
function padded(
  bytes: Uint8Array,
  type: FloatType,
  columns: number,
  format: FloatType,
): Uint8Array {
  const stride = strideOf(columns);
  if (type === format && columns === stride) return bytes;
  const rows = bytes.byteLength / tensorBytes(type, columns);
  const [out, values] =
    format === "F32"
      ? [new Float32Array(rows * stride), toFloats(bytes, type)]
      : [new Uint16Array(rows * stride), sixteenBits(bytes)];
  for (let row = 0; row < rows; row++)
    out.set(values.subarray(row * columns, (row + 1) * columns), row * stride);
  return new Uint8Array(out.buffer);
}
