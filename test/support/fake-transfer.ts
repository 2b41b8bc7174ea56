/**
 * Stands in for src/memory/segment-transfer.ts where the network is a fake one (fake-network.ts): a payload has
 * the numbers that are in the pages.
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
  _gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  mode: TransferMode,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = new Uint8Array(payloadBytesOf(half, pages, mode));
  const tokens = pages.length * PAGE_TOKENS;
  new Uint32Array(payload.buffer).set(pageValues(half, pages, tokens).flat());
  return payload;
}

export async function restoreHalf(
  _gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  payload: Uint8Array,
): Promise<void> {
  const tokens = pages.length * PAGE_TOKENS;
  const values = Array.from(new Uint32Array(payload.slice().buffer));
  const layers = Array.from({ length: half.layerCount }, (_, layer) =>
    values.slice(layer * tokens, (layer + 1) * tokens),
  );
  setPageValues(half, pages, layers);
}
