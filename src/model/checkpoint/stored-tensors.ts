/** Tensors of one file of any format: checked for overlaps, and streamed in pieces of whole rows. */
import { ModelFormatError } from "../../util/errors";
import { ByteReader } from "./byte-reader";
import { tensorBytes, type TensorInfo, type TensorRows } from "./checkpoint";
import { missingFile, type ModelFiles } from "../files/model-files";

/** A tensor and the place of its bytes in its file. */
export interface StoredTensor {
  info: TensorInfo;
  /** First byte, counted from the start of the file. */
  start: number;
  /**
   * The rows of one head, if the file interleaves the two halves that RoPE rotates together:
   *
   *     stored  0  1 │ 2  3 │ 4  5 │ …          pairs (2i, 2i + 1)
   *     read    0  2  4 …   │ 1  3  5 …         pairs (i, i + rows / 2)
   *
   * For a tensor of one dimension, its values.
   */
  pairedHeadRows?: number;
}

/** The most bytes of a piece of several rows. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Checks that no two tensors share bytes.
 *
 * @param tensors in file order
 * @throws ModelFormatError
 */
export function expectApart(tensors: readonly StoredTensor[]): void {
  let end = 0;
  for (const { info, start } of tensors) {
    if (start < end) {
      throw new ModelFormatError({
        file: info.file,
        tensor: info.name,
        expected: `data from byte ${end} on`,
        found: `a start at byte ${start}, inside another tensor`,
      });
    }
    end = start + info.byteLength;
  }
}

/**
 * Streams one file once, from the first of these tensors to the last.
 *
 * @param tensors in file order; at least one
 * @throws ModelFormatError if the file ends early, ModelFetchError; the signal's reason
 */
export async function* readStoredTensors(
  files: ModelFiles,
  file: string,
  tensors: readonly StoredTensor[],
  signal: AbortSignal | undefined,
): AsyncGenerator<TensorRows> {
  const start = tensors[0]!.start;
  const last = tensors.at(-1)!;
  const end = last.start + last.info.byteLength;
  if (end === start) return;

  const opened = await files.open(file, { start, end }, signal);
  if (opened === undefined) throw missingFile(files, file);
  const reader = new ByteReader(opened.chunks);
  try {
    for (const tensor of tensors) {
      await reader.skip(tensor.start - start - reader.position);
      yield* readRows(reader, tensor, signal);
    }
  } finally {
    await reader.close();
  }
}

/** The rows of the tensor at the reader's position, in pieces. */
async function* readRows(
  reader: ByteReader,
  { info: tensor, pairedHeadRows = 1 }: StoredTensor,
  signal: AbortSignal | undefined,
): AsyncGenerator<TensorRows> {
  const isMatrix = tensor.shape.length > 1;
  const rowCount = isMatrix ? tensor.shape[0]! : 1;
  const rowBytes = tensor.byteLength / rowCount;
  const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  // All rows of a head are needed at once to reorder them.
  const togetherRows = isMatrix ? pairedHeadRows : 1;
  const groupRows = Math.max(
    togetherRows,
    pieceRows - (pieceRows % togetherRows),
  );

  for (let firstRow = 0; firstRow < rowCount; firstRow += groupRows) {
    signal?.throwIfAborted();
    const rows = Math.min(groupRows, rowCount - firstRow);
    const stored = byteBuffer(rows * rowBytes);
    const found = await reader.read(stored);
    if (found < stored.length) {
      throw new ModelFormatError({
        file: tensor.file,
        tensor: tensor.name,
        expected: `${tensor.byteLength} bytes`,
        found: `${firstRow * rowBytes + found}, then the end of the file: the download is incomplete`,
      });
    }
    if (pairedHeadRows === 1) {
      yield { tensor, firstRow, bytes: stored };
    } else if (!isMatrix) {
      const value = tensorBytes(tensor.type, 1);
      const bytes = byteBuffer(stored.length);
      unpair(stored, value, pairedHeadRows, 0, bytes);
      yield { tensor, firstRow, bytes };
    } else {
      for (let row = 0; row < rows; row += pieceRows) {
        const bytes = byteBuffer(Math.min(pieceRows, rows - row) * rowBytes);
        unpair(stored, rowBytes, pairedHeadRows, row, bytes);
        yield { tensor, firstRow: firstRow + row, bytes };
      }
    }
  }
}

/** Fills `target` with rows from `firstRow` on, reordered within whole heads. */
function unpair(
  stored: Uint8Array,
  rowBytes: number,
  headRows: number,
  firstRow: number,
  target: Uint8Array,
): void {
  const half = headRows / 2;
  for (let row = 0; row < target.length / rowBytes; row++) {
    const inHead = (firstRow + row) % headRows;
    const headStart = firstRow + row - inHead;
    const from = headStart + 2 * (inHead % half) + (inHead < half ? 0 : 1);
    target.set(
      stored.subarray(from * rowBytes, (from + 1) * rowBytes),
      row * rowBytes,
    );
  }
}

/** A byte array in a buffer that extends to the next multiple of 4. */
function byteBuffer(byteLength: number): Uint8Array {
  const buffer = new ArrayBuffer(Math.ceil(byteLength / 4) * 4);
  return new Uint8Array(buffer, 0, byteLength);
}
