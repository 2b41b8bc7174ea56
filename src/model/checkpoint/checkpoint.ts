/** A model's tensors, read in the order of the files. */

/** Types of single values, in safetensors' spelling. */
export type FloatType = "F32" | "F16" | "BF16";

/** Types of blocks that share a scale, in GGUF's spelling. */
export type BlockType =
  | "Q2_K"
  | "Q3_K"
  | "Q4_0"
  | "Q4_1"
  | "Q4_K"
  | "IQ4_NL"
  | "IQ4_XS"
  | "Q5_0"
  | "Q5_1"
  | "Q5_K"
  | "Q6_K"
  | "Q8_0";

/** Element types that a checkpoint may hold. */
export type TensorType = FloatType | BlockType;

/** Values of a block, which are in one row, and its bytes. */
const TENSOR_TYPES: Record<TensorType, { values: number; bytes: number }> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q4_0: { values: 32, bytes: 18 },
  Q4_1: { values: 32, bytes: 20 },
  Q5_0: { values: 32, bytes: 22 },
  Q5_1: { values: 32, bytes: 24 },
  Q8_0: { values: 32, bytes: 34 },
  Q2_K: { values: 256, bytes: 84 },
  Q3_K: { values: 256, bytes: 110 },
  Q4_K: { values: 256, bytes: 144 },
  IQ4_NL: { values: 32, bytes: 18 },
  IQ4_XS: { values: 256, bytes: 136 },
  Q5_K: { values: 256, bytes: 176 },
  Q6_K: { values: 256, bytes: 210 },
};

export function isFloatType(type: TensorType): type is FloatType {
  return TENSOR_TYPES[type].values === 1;
}

/** Bytes of so many values, in whole blocks. */
export function tensorBytes(type: TensorType, values: number): number {
  const block = TENSOR_TYPES[type];
  return (values / block.values) * block.bytes;
}

/** Whether a row of so many values can have this type: blocks must not span rows. */
export function isWholeBlocks(type: TensorType, columns: number): boolean {
  return columns % TENSOR_TYPES[type].values === 0;
}

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
   * rows × columns × element bytes, owned by the reader: later pieces don't overwrite them. They start at a
   * multiple of 4 in their buffer, which extends to the next multiple of 4 after them.
   */
  bytes: Uint8Array;
}

/** The tensors of a checkpoint, streamed: only a slice of them is in memory at any time. */
export interface Checkpoint {
  tensors: ReadonlyMap<string, TensorInfo>;
  /** Bytes of all tensors. */
  totalBytes: number;
  /** Whether norms' weights include the recipe's offset, as in GGUF. */
  hasWholeNorms?: boolean;
  /**
   * All rows of all tensors, each once, in pieces of at most 4 MiB, or of one row if a row is longer. A tensor's
   * rows come in order and without interruption. May be called again to read everything anew.
   *
   * @throws ModelFormatError if a file ends early, ModelFetchError; the signal's reason
   */
  read(signal?: AbortSignal): AsyncIterable<TensorRows>;
}
