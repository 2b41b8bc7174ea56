/** Uploads rows of a checkpoint's tensors to their place on the GPU, in their GPU format. */
import type { Gpu } from "../../gpu/gpu";
import {
  type FloatType,
  isFloatType,
  tensorBytes,
  type TensorRows,
} from "../checkpoint/checkpoint";
import { toFloats } from "../checkpoint/floats";
import type { Matrix, MatrixPart } from "./matrix";
import {
  isQuantFormat,
  type PackedRows,
  packRows,
  rowBytes,
} from "./matrix-format";
import { ModelFormatError } from "../../util/errors";

/** Where a tensor goes: among the rows of a matrix, or among the values of a vector. */
export type Destination = { matrix: Matrix; firstRow: number } | VectorPlace;

interface VectorPlace {
  vector: GPUBuffer;
  /** Index of the tensor's first value. */
  first: number;
  /** Added to each value. */
  offset: number;
}

/**
 * Returns bytes written.
 *
 * @throws ModelFormatError for a vector of a quantised type
 */
export function uploadRows(
  gpu: Gpu,
  rows: TensorRows,
  to: Destination,
): number {
  return "matrix" in to
    ? uploadMatrix(gpu, rows, to.matrix, to.firstRow + rows.firstRow)
    : uploadVector(gpu, rows, to);
}

function uploadVector(
  gpu: Gpu,
  { tensor, bytes }: TensorRows,
  { vector, first, offset }: VectorPlace,
): number {
  const { type, file, name } = tensor;
  if (!isFloatType(type))
    throw new ModelFormatError({
      file,
      tensor: name,
      expected: "values of type F32, F16 or BF16",
      found: type,
    });
  let values = toFloats(bytes, type satisfies FloatType);
  if (offset !== 0) values = values.map((value) => value + offset);
  gpu.write(vector, 4 * first, values);
  return values.byteLength;
}

/**
 * Bytes of a checkpoint to quantise at a time. Small pieces leave garbage that is collected early: with whole
 * pieces the heap grew by three hundred megabytes meanwhile.
 */
const QUANTISED_BYTES = 256 << 10;

/** Rows that span two parts are split. */
function uploadMatrix(
  gpu: Gpu,
  { tensor, bytes }: TensorRows,
  { columns, parts }: Matrix,
  firstRow: number,
): number {
  const { type } = tensor;
  const rowSize = tensorBytes(type, columns);
  const end = firstRow + bytes.byteLength / rowSize;
  let written = 0;
  for (const part of parts) {
    const from = Math.max(firstRow, part.firstRow);
    const to = Math.min(end, part.firstRow + part.rows);
    const step = isQuantFormat(part.format)
      ? Math.max(1, Math.floor(QUANTISED_BYTES / rowSize))
      : to - from;
    for (let row = from; row < to; row += step) {
      const some = bytes.subarray(
        (row - firstRow) * rowSize,
        (Math.min(row + step, to) - firstRow) * rowSize,
      );
      const packed = packRows(some, type, columns, part.format);
      written += writeRows(gpu, packed, part, columns, row - part.firstRow);
    }
  }
  return written;
}

/** @param row of the part */
function writeRows(
  gpu: Gpu,
  { weights, scales }: PackedRows,
  part: MatrixPart,
  columns: number,
  row: number,
): number {
  const bytes = rowBytes(part.format, columns);
  gpu.write(part.weights, row * bytes.weights, weights);
  if (scales) gpu.write(part.scales!, row * bytes.scales, scales);
  return weights.byteLength + (scales?.byteLength ?? 0);
}
