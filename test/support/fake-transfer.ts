/**
 * Stands in for src/memory/segment-transfer.ts where there is no GPU: packs what the pages of the fake network
 * hold, and unpacks it. A payload is laid out as that of f32 pages, a token's number in its key's first element.
 */
import type { Gpu } from "../../src/gpu/gpu";
import type { KvHalf } from "../../src/memory/kv-cache";
import {
  payloadBytesOf,
  type TransferMode,
} from "../../src/memory/matrix-group";
import { PAGE_TOKENS } from "../../src/memory/page-pool";
import { pageValues, setPageValues } from "./fake-network";

export async function packHalf(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  mode: TransferMode,
  tokens = pages.length * PAGE_TOKENS,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = new Uint8Array(payloadBytesOf(half, pages, mode));
  const words = new Uint32Array(payload.buffer);
  for (let layer = 0; layer < half.layerCount; layer++) {
    // Others go on meanwhile, as while a real GPU copies.
    await slowly(gpu);
    pageValues(half, pages, tokens)[layer]!.forEach((value, token) => {
      words[wordAt(half, pages.length, layer, token)] = value;
    });
  }
  await slowly(gpu);
  return payload;
}

async function slowly(gpu: Gpu): Promise<void> {
  for (let i = 0; i < 4; i++) await gpu.done();
}

export async function restoreHalf(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  payload: Uint8Array,
): Promise<void> {
  await gpu.done();
  setPageValues(half, pages, packedValues(half, payload, pages.length));
}

/** What was packed, by layer of the half, a number for each place in the pages. */
export function packedValues(
  half: Pick<KvHalf, "layerCount" | "shape">,
  payload: Uint8Array,
  pageCount: number,
): number[][] {
  const words = new Uint32Array(payload.slice().buffer);
  return Array.from({ length: half.layerCount }, (_, layer) =>
    Array.from(
      { length: pageCount * PAGE_TOKENS },
      (_, token) => words[wordAt(half, pageCount, layer, token)]!,
    ),
  );
}

/** Of the first element of a token's key. */
function wordAt(
  { shape }: Pick<KvHalf, "shape">,
  pageCount: number,
  layer: number,
  token: number,
): number {
  const { headDim, kvHeads } = shape;
  if (kvHeads !== 1) throw new RangeError("the fake packs one head alone");
  return (2 * layer * pageCount * PAGE_TOKENS + token) * headDim;
}
