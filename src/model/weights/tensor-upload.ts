/** Uploads rows of a checkpoint's tensors to their place on the GPU, in their GPU format. */
import type { Gpu } from "../../gpu/gpu";
import {
  type FloatType,
  isFloatType,
  tensorBytes,
  type TensorRows,
} from "../checkpoint/checkpoint";
import { toFloats } from "../checkpoint/floats";
import type { Matrix } from "./matrix";
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

function uploadMatrix(
  gpu: Gpu,
  { tensor, bytes }: TensorRows,
  matrix: Matrix,
  firstRow: number,
): number {
  const { type } = tensor;
  const { format, columns } = matrix;
  const rowSize = tensorBytes(type, columns);
  const rows = bytes.byteLength / rowSize;
  const step = isQuantFormat(format)
    ? Math.max(1, Math.floor(QUANTISED_BYTES / rowSize))
    : rows;
  let written = 0;
  for (let row = 0; row < rows; row += step) {
    const some = bytes.subarray(row * rowSize, (row + step) * rowSize);
    const packed = packRows(some, type, columns, format);
    written += writeRows(gpu, packed, matrix, firstRow + row);
  }
  return written;
}

/** Rows that span two parts are split. */
function writeRows(
  gpu: Gpu,
  packed: PackedRows,
  { format, columns, parts }: Matrix,
  firstRow: number,
): number {
  const row = rowBytes(format, columns);
  const end = firstRow + packed.weights.byteLength / row.weights;
  let written = 0;
  const write = (
    buffer: GPUBuffer,
    data: Uint8Array,
    bytesOfRow: number,
    [from, to, partRow]: readonly [number, number, number],
  ) => {
    const piece = data.subarray(
      (from - firstRow) * bytesOfRow,
      (to - firstRow) * bytesOfRow,
    );
    gpu.write(buffer, (from - partRow) * bytesOfRow, piece);
    written += piece.byteLength;
  };
  for (const part of parts) {
    const from = Math.max(firstRow, part.firstRow);
    const to = Math.min(end, part.firstRow + part.rows);
    if (from >= to) continue;
    const rows = [from, to, part.firstRow] as const;
    write(part.weights, packed.weights, row.weights, rows);
    if (packed.scales) write(part.scales!, packed.scales, row.scales, rows);
  }
  return written;
}
