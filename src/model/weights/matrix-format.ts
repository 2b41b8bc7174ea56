/**
 * The format of a weight matrix on the GPU: floats as in the checkpoint, or quantised (quant-formats.ts). A
 * quantised file keeps its own bits; floats get four or eight if that was asked for.
 */
import { readBlocks } from "../checkpoint/quant-blocks";
import {
  type BlockType,
  type FloatType,
  isFloatType,
  tensorBytes,
  type TensorType,
} from "../checkpoint/checkpoint";
import { sixteenBits, toFloats } from "../checkpoint/floats";
import {
  GROUP,
  groupBytes,
  holds,
  narrowestFormat,
  packGroups,
  QUANT_FORMATS,
  type QuantFormat,
} from "./quant-formats";
import { quantize, valuesOf } from "./quantize";

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

export function isQuantFormat(format: MatrixFormat): format is QuantFormat {
  return (QUANT_FORMATS as readonly MatrixFormat[]).includes(format);
}

/**
 * The narrowest format that holds tensors of these types with no more rounding than each alone; undefined if
 * there is none.
 */
export function matrixFormat(
  types: readonly TensorType[],
  columns: number,
  bits: WeightBits,
): MatrixFormat | undefined {
  if (types.every(isFloatType)) {
    if (bits !== 16 && columns % GROUP === 0) return bits === 4 ? "Q4" : "Q8";
    const [type] = types;
    return types.every((other) => other === type) ? type : "F32";
  }
  // The rows of block types are whole groups.
  return types.every(isBlockType) ? narrowestFormat(types) : undefined;
}

function isBlockType(type: TensorType): type is BlockType {
  return !isFloatType(type);
}

/** Bytes of a row on the GPU, and of its scales. */
export function rowBytes(
  format: MatrixFormat,
  columns: number,
): { weights: number; scales: number } {
  if (!isQuantFormat(format))
    return { weights: tensorBytes(format, strideOf(columns)), scales: 0 };
  const { weights, scales } = groupBytes(format);
  const groups = columns / GROUP;
  return { weights: groups * weights, scales: groups * scales };
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
  if (isFloatType(type))
    return packGroups(
      quantize(toFloats(bytes, type), format === "Q4" ? 4 : 8),
      format,
    );
  const groups = readBlocks(type, bytes);
  return packGroups(
    // Only where tensors that no format holds must lie in one matrix: finer steps than their own.
    holds(format, type) ? groups : quantize(valuesOf(groups), 8),
    format,
  );
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
