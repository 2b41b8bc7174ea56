/**
 * Digests of the keys in a lower half, a few numbers a page. If lower halves alone exceed the memory budget,
 * digests tell which rounds a question would attend to (as Quest, arXiv 2406.10774, and ArkVale do), so that only
 * these are brought to the GPU.
 *
 *     digest   [page][kv_head][min, max, mean][head_dim]
 */
import { halfToFloat } from "../util/float16";
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import { pageMatrixBytes, type SegmentHeader } from "./segment";

/** Numbers of a digest for each dimension of a key: minimum, maximum and mean. */
export const PARTS = 3;

type KeyShape = Pick<SegmentHeader, "kvHeads" | "headDim" | "tokens">;

/** The keys of one layer: number `i` of [page][kv_head][16][head_dim]. */
type KeyAt = (i: number) => number;

/** Digests the keys of a layer in a segment's payload. */
export function digestPayload(
  payload: Uint8Array,
  header: SegmentHeader,
  layer: number,
): Float32Array<ArrayBuffer> {
  const { kvHeads, headDim, tokens, elements } = header;
  const pages = pagesFor(tokens);
  const matrixBytes = pages * pageMatrixBytes(header, elements);
  const start = payload.byteOffset + 2 * layer * matrixBytes;
  const view = new DataView(payload.buffer, start, matrixBytes);
  const count = pages * kvHeads * PAGE_TOKENS * headDim;
  const keyAt: Record<typeof elements, KeyAt> = {
    f32: (i) => view.getFloat32(4 * i, true),
    f16: (i) => halfToFloat(view.getUint16(2 * i, true)),
    int8: (i) =>
      view.getInt8(i) *
      view.getFloat32(count + 4 * Math.floor(i / headDim), true),
  };
  return digestKeys(keyAt[elements], header);
}

function digestKeys(
  keyAt: KeyAt,
  { kvHeads, headDim, tokens }: KeyShape,
): Float32Array<ArrayBuffer> {
  const pages = pagesFor(tokens);
  const digest = new Float32Array(pages * kvHeads * PARTS * headDim);
  for (let page = 0; page < pages; page++) {
    const valid = Math.min(PAGE_TOKENS, tokens - page * PAGE_TOKENS);
    for (let head = 0; head < kvHeads; head++) {
      const box = page * kvHeads + head;
      for (let d = 0; d < headDim; d++) {
        let [least, greatest, sum] = [Infinity, -Infinity, 0];
        for (let t = 0; t < valid; t++) {
          const key = keyAt((box * PAGE_TOKENS + t) * headDim + d);
          least = Math.min(least, key);
          greatest = Math.max(greatest, key);
          sum += key;
        }
        const at = box * PARTS * headDim + d;
        digest[at] = least;
        digest[at + headDim] = greatest;
        digest[at + 2 * headDim] = sum / valid;
      }
    }
  }
  return digest;
}
