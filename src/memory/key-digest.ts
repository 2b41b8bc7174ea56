/**
 * Digests of the keys in a lower half, a few numbers a page. If lower halves alone exceed the memory budget,
 * digests tell which rounds a question would attend to (as Quest, arXiv 2406.10774, and ArkVale do), so that only
 * these are brought to the GPU.
 *
 *     digest   [page][kv_head][min, max, mean][head_dim]
 */
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import type { SegmentHeader } from "./segment";
import { type KeyAt, keysOfLayer } from "./segment-keys";

/** Numbers of a digest for each dimension of a key: minimum, maximum and mean. */
export const PARTS = 3;

type KeyShape = Pick<SegmentHeader, "kvHeads" | "headDim" | "tokens">;

/** Digests the keys of a layer in a segment's payload. */
export function digestPayload(
  payload: Uint8Array,
  header: SegmentHeader,
  layer: number,
): Float32Array<ArrayBuffer> {
  return digestKeys(keysOfLayer(payload, header, layer), header);
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
