/** Reads keys of a layer out of the payload of a segment. */
import { scaleGroup } from "../kernels/formats";
import { halfToFloat } from "../util/float16";
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import { pageMatrixBytes, type SegmentHeader } from "./segment";

/** Number `i` of [page][kv_head][16][head_dim]. */
export type KeyAt = (i: number) => number;

/** @param layer within the half */
export function keysOfLayer(
  payload: Uint8Array,
  header: SegmentHeader,
  layer: number,
): KeyAt {
  const { kvHeads, headDim, tokens, elements } = header;
  const pages = pagesFor(tokens);
  const matrixBytes = pages * pageMatrixBytes(header, elements);
  const start = payload.byteOffset + 2 * layer * matrixBytes;
  const view = new DataView(payload.buffer, start, matrixBytes);
  const half = (at: number) => halfToFloat(view.getUint16(at, true));
  const scales = pages * kvHeads * PAGE_TOKENS * headDim;
  const group = scaleGroup(headDim);
  const keyAt: Record<typeof elements, KeyAt> = {
    f32: (i) => view.getFloat32(4 * i, true),
    f16: (i) => half(2 * i),
    int8: (i) => view.getInt8(i) * half(scales + 2 * Math.floor(i / group)),
  };
  return keyAt[elements];
}
