/**
 * Divides tensors that are joined to one matrix into parts of one format each. Every part is a dispatch of its
 * own, so tensors share one where they can:
 *
 *   - tensors of the same format always do;
 *   - tensors of different formats do where the narrowest format that holds both without further rounding costs
 *     less than SPLIT_BYTES more than their own formats;
 *   - gate and up always do, as their results are joined in one dispatch. If no format holds both, they get Q8,
 *     which rounds them again, to finer steps than their own.
 */
import type { TensorInfo } from "../checkpoint/checkpoint";
import {
  matrixFormat,
  type MatrixFormat,
  rowBytes,
  type WeightBits,
} from "./matrix-format";

/** What decides about a tensor's format. */
export type TensorKind = Pick<TensorInfo, "type" | "shape">;

export interface PartFormat {
  format: MatrixFormat;
  rows: number;
}

/** What reading fewer bytes must save to be worth a dispatch: about what a GPU reads while it starts one. */
export const SPLIT_BYTES = 128 << 10;

/** @param tensors [rows, columns] each, of the same columns */
export function matrixParts(
  tensors: readonly TensorKind[],
  bits: WeightBits,
  isGated: boolean,
): PartFormat[] {
  const columns = tensors[0]!.shape[1]!;
  const formatOf = (some: readonly TensorKind[]) =>
    matrixFormat(
      some.map(({ type }) => type),
      columns,
      bits,
    );
  const rowsOf = (some: readonly TensorKind[]) =>
    some.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const bytesOf = (format: MatrixFormat, rows: number) => {
    const { weights, scales } = rowBytes(format, columns);
    return rows * (weights + scales);
  };
  if (isGated)
    return [{ format: formatOf(tensors) ?? "Q8", rows: rowsOf(tensors) }];

  const runs: (PartFormat & { tensors: TensorKind[] })[] = [];
  for (const tensor of tensors) {
    const format = formatOf([tensor])!;
    const rows = tensor.shape[0]!;
    const last = runs.at(-1);
    const joined = last && formatOf([...last.tensors, tensor]);
    const extraBytes =
      last && joined
        ? bytesOf(joined, last.rows + rows) -
          bytesOf(last.format, last.rows) -
          bytesOf(format, rows)
        : Infinity;
    if (last && joined && extraBytes < SPLIT_BYTES) {
      last.format = joined;
      last.rows += rows;
      last.tensors.push(tensor);
    } else runs.push({ format, rows, tensors: [tensor] });
  }
  return runs.map(({ format, rows }) => ({ format, rows }));
}
