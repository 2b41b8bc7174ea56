/** A model's tensors, read in the order in which they lie in the files. */

/** Element types that a checkpoint may hold, in safetensors' spelling. */
export type TensorType = "F32" | "F16" | "BF16";

/** Bytes of one element. */
export const TENSOR_TYPE_BYTES: Record<TensorType, number> = { F32: 4, F16: 2, BF16: 2 };

export interface TensorInfo {
  name: string;
  /** The file it lies in, for messages. */
  file: string;
  type: TensorType;
  /** [rows, columns], or [values]. */
  shape: number[];
  byteLength: number;
}

/** Whole rows of one tensor, as little-endian bytes. */
export interface TensorRows {
  tensor: TensorInfo;
  /** First row of this piece; a tensor of one dimension is one row. */
  firstRow: number;
  /** rows × columns × element bytes; starts at a multiple of 4 in its buffer. */
  bytes: Uint8Array;
}

/** The tensors of a checkpoint, streamed: at no time is more than a slice of them in memory. */
export interface Checkpoint {
  tensors: ReadonlyMap<string, TensorInfo>;
  /** Bytes of all tensors. */
  totalBytes: number;
  /**
   * All rows of all tensors, each once, in pieces of a few MiB (at least one row).
   *
   * @throws ModelFormatError when a file ends early; the signal's reason
   */
  read(signal?: AbortSignal): AsyncIterable<TensorRows>;
}
