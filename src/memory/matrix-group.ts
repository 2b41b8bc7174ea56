/** The matrices of a half in the order of a segment, in groups small enough for one transfer. */
import type { KvHalf } from "./kv-cache";
import { pageMatrixBytes } from "./segment";

/** raw: the resident type, bit for bit; int8: with a scale per group of values. */
export type TransferMode = "raw" | "int8";

/**
 * Matrices first .. first + count of a half; matrix 2·i is K of its layer i, 2·i + 1 is V. Their layers are all local
 * or none is: they have the same pages.
 */
export interface MatrixGroup {
  first: number;
  count: number;
  isLocal: boolean;
  /** Where its bytes lie in the payload. */
  offset: number;
  bytes: number;
}

/** What sizes depend on. */
type HalfShape = Pick<KvHalf, "shape" | "layerCount">;
/** What groups depend on. */
type HalfLayers = HalfShape & Pick<KvHalf, "firstLayer" | "isLocal">;

/** Where the pages of a matrix are; the buffer is replaced when the pools grow. */
export function bufferOf(half: KvHalf, matrix: number): GPUBuffer {
  const layer = half.layers[Math.floor(matrix / 2)]!;
  return matrix % 2 === 0 ? layer.k : layer.v;
}

function matrixBytesOf(
  { shape }: HalfShape,
  pages: readonly number[],
  mode: TransferMode,
): number {
  const elements = mode === "raw" ? shape.format : mode;
  return pages.length * pageMatrixBytes(shape, elements);
}

/** Bytes of all matrices of a half for so many pages. */
export function payloadBytesOf(
  half: HalfShape,
  pages: readonly number[],
  mode: TransferMode,
): number {
  return half.layerCount * 2 * matrixBytesOf(half, pages, mode);
}

/** All matrices in order, as many in a group as fit GROUP_BYTES, at least one. */
export function* groupsOf(
  half: HalfLayers,
  pages: readonly number[],
  mode: TransferMode,
): Generator<MatrixGroup> {
  if (pages.length === 0) return;
  const matrixBytes = matrixBytesOf(half, pages, mode);
  const most = Math.max(1, Math.floor(GROUP_BYTES / matrixBytes));
  const isLocal = (matrix: number) =>
    half.isLocal(half.firstLayer + Math.floor(matrix / 2));
  const matrices = 2 * half.layerCount;
  for (let first = 0; first < matrices;) {
    const group = { first, isLocal: isLocal(first) };
    let count = 1;
    while (
      count < most &&
      first + count < matrices &&
      isLocal(first + count) === group.isLocal
    )
      count++;
    const offset = first * matrixBytes;
    yield { ...group, count, offset, bytes: count * matrixBytes };
    first += count;
  }
}

/** Half of the smallest binding limit in WebGPU; a single matrix may be larger. */
const GROUP_BYTES = 64 * 2 ** 20;
