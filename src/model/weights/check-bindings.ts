/**
 * Checks that a GPU can bind the matrices of a model's layers. Embedding and head are cut where they are too large:
 * they need not fit.
 */
import type { TensorSpec } from "../architectures/recipe";
import { rowBytes, type WeightBits } from "./matrix-format";
import { matrixParts, type TensorKind } from "./matrix-parts";
import { OutOfMemoryError } from "../../util/errors";

/** A matrix made of tensors stacked by rows. */
export interface JoinedMatrix {
  label: string;
  tensors: readonly TensorSpec[];
  /** Whether its halves are joined by the epilogue: they must be in one binding. */
  isGated?: boolean;
}

/** The matrix that needs the largest binding: its bytes and its name. */
export function largestBinding(
  matrices: readonly JoinedMatrix[],
  kinds: ReadonlyMap<string, TensorKind>,
  bits: WeightBits,
): { label: string; bytes: number } {
  return matrices
    .flatMap(({ label, tensors, isGated = false }) => {
      const parts = tensors.map(({ name }) => kinds.get(name)!);
      const columns = parts[0]!.shape[1]!;
      return matrixParts(parts, bits, isGated).map(({ format, rows }) => ({
        label,
        bytes: rows * rowBytes(format, columns).weights,
      }));
    })
    .reduce((a, b) => (b.bytes > a.bytes ? b : a));
}

/**
 * Ensures that each matrix fits one binding.
 *
 * @throws OutOfMemoryError that names the largest, and with how many bits per weight it would fit
 */
export function checkBindings(
  matrices: readonly JoinedMatrix[],
  kinds: ReadonlyMap<string, TensorKind>,
  bits: WeightBits,
  bindingBytes: number,
): void {
  const largest = (bits: WeightBits) => largestBinding(matrices, kinds, bits);
  const { label, bytes } = largest(bits);
  if (bytes <= bindingBytes) return;
  const fewer = ([8, 4] as const).find(
    (one) => one < bits && largest(one).bytes <= bindingBytes,
  );
  throw new OutOfMemoryError(
    `The model's weights (${label}) take ${bytes} bytes, and this GPU binds at most ${bindingBytes} at once. ` +
      (fewer === undefined
        ? "Choose a smaller model, or one with fewer bits a weight."
        : `Load the model with ${fewer}-bit weights, or choose a smaller one.`),
  );
}
