/**
 * Checks that a GPU can bind the matrices of a model's layers. Embedding and head are split into parts: they need
 * not fit.
 */
import type { TensorSpec } from "../architectures/recipe";
import type { Checkpoint } from "../checkpoint/checkpoint";
import { matrixFormat, rowBytes, type WeightBits } from "./matrix-format";
import { OutOfMemoryError } from "../../util/errors";

/** A matrix made of tensors stacked by rows. */
export interface JoinedMatrix {
  label: string;
  tensors: readonly TensorSpec[];
}

/**
 * Ensures that each matrix fits one binding.
 *
 * @throws OutOfMemoryError that names the largest, and with how many bits per weight it would fit
 */
export function checkBindings(
  matrices: readonly JoinedMatrix[],
  { tensors }: Pick<Checkpoint, "tensors">,
  bits: WeightBits,
  bindingBytes: number,
): void {
  /** The matrix that needs the largest binding: its bytes and its name. */
  const largest = (bits: WeightBits) =>
    matrices
      .map(({ label, tensors: specs }) => {
        const parts = specs.map(({ name }) => tensors.get(name)!);
        const columns = parts[0]!.shape[1]!;
        const types = parts.map(({ type }) => type);
        const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
        const row = rowBytes(matrixFormat(types, columns, bits), columns);
        return { label, bytes: rows * row.weights };
      })
      .reduce((a, b) => (b.bytes > a.bytes ? b : a));
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
