/** A model's tensors, read in the order in which they lie in the files. */

/** Element types that a checkpoint may hold, in safetensors' spelling. */
export type TensorType = "F32" | "F16" | "BF16";

/** Bytes of one element. */
export const TENSOR_TYPE_BYTES: Record<TensorType, number> = {
  F32: 4,
  F16: 2,
  BF16: 2,
};

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
  /**
   * rows × columns × element bytes, the reader's own: no later piece overwrites them. They start at
   * a multiple of 4 in their buffer, which reaches to the next multiple of 4 behind them.
   */
  bytes: Uint8Array;
}

/** The tensors of a checkpoint, streamed: at no time is more than a slice of them in memory. */
export interface Checkpoint {
  tensors: ReadonlyMap<string, TensorInfo>;
  /** Bytes of all tensors. */
  totalBytes: number;
  /**
   * All rows of all tensors, each once, in pieces of at most 4 MiB, or of one row where a row is
   * longer. A tensor's rows come in order and in one go. May be called again, and reads anew.
   *
   * @throws ModelFormatError when a file ends early, ModelFetchError; the signal's reason
   */
  read(signal?: AbortSignal): AsyncIterable<TensorRows>;
}
