/**
 * Keys of retrieval heads, taken out of segments: what is stored of a round's part of the index (key-index.ts).
 *
 *     [page][head][16][head_dim] f16, for the heads of one half, in the index's order
 */
import type { IndexHead } from "../model/config/round-index";
import { floatToHalf, halfToFloat } from "../util/float16";
import type { IndexKeys } from "../store/rounds";
import type { Half } from "../util/kv-half";
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import type { SegmentHeader } from "./segment";
import { keysOfLayer } from "./segment-keys";

/** A head's keys: those of a KV head in a layer. */
export interface KeyRow {
  layer: number;
  kvHead: number;
}

/** Which keys some heads read. */
export function keyRows(
  heads: readonly IndexHead[],
  queriesPerKey: number,
): KeyRow[] {
  return heads.map(({ layer, head }) => ({
    layer,
    kvHead: Math.floor(head / queriesPerKey),
  }));
}

/** Names a set of heads. */
export function headsName(heads: readonly IndexHead[]): string {
  return heads.map(({ layer, head }) => `${layer}.${head}`).join();
}

/** The rows of a half, with their places in the index. */
export function rowsOfHalf(
  rows: readonly KeyRow[],
  half: Half,
  lowerLayers: number,
): (KeyRow & { place: number })[] {
  return rows
    .map((row, place) => ({ ...row, place }))
    .filter(({ layer }) => layer < lowerLayers === (half === "lower"));
}

/**
 * The keys of some rows of a half, from its segment.
 *
 * @param rows of this half
 * @param firstLayer of the half
 */
export function keysOfPayload(
  payload: Uint8Array,
  header: SegmentHeader,
  rows: readonly KeyRow[],
  firstLayer: number,
): Uint16Array<ArrayBuffer> {
  const { kvHeads, headDim, tokens } = header;
  const pages = pagesFor(tokens);
  const size = PAGE_TOKENS * headDim;
  const keys = new Uint16Array(pages * rows.length * size);
  rows.forEach(({ layer, kvHead }, place) => {
    const keyAt = keysOfLayer(payload, header, layer - firstLayer);
    for (let page = 0; page < pages; page++) {
      const from = (page * kvHeads + kvHead) * size;
      const to = (page * rows.length + place) * size;
      for (let i = 0; i < size; i++)
        keys[to + i] = floatToHalf(keyAt(from + i));
    }
  });
  return keys;
}

/** Bytes of index pages from stored keys, in the format of the pages: [page][head][16][head_dim]. */
export function indexPages(
  stored: IndexKeys,
  rows: readonly KeyRow[],
  {
    lowerLayers,
    pages,
    headDim,
    format,
  }: {
    lowerLayers: number;
    pages: number;
    headDim: number;
    format: "f32" | "f16";
  },
): Uint8Array<ArrayBuffer> {
  const size = PAGE_TOKENS * headDim;
  const halves = new Uint16Array(pages * rows.length * size);
  for (const half of ["lower", "upper"] as const) {
    const own = rowsOfHalf(rows, half, lowerLayers);
    const keys = stored[half];
    if (!keys) continue;
    for (let page = 0; page < pages; page++)
      own.forEach(({ place }, i) => {
        const from = (page * own.length + i) * size;
        const to = (page * rows.length + place) * size;
        halves.set(keys.subarray(from, from + size), to);
      });
  }
  if (format === "f16") return new Uint8Array(halves.buffer);
  return new Uint8Array(Float32Array.from(halves, halfToFloat).buffer);
}
