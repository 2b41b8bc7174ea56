/**
 * Transfers a round's half from its pages into the payload of a segment (layout: segment.ts), and back.
 *
 *     pack     pages ─ raw:  copies ──────────────────► readback buffer ─ map ─► payload
 *              pages ─ int8: kv-pack ─► staging, copy ► readback buffer ─ map ─► payload
 *     restore  payload ─ raw:  writes ──────────────────────────────► pages
 *              payload ─ int8: writes ─► staging ─ kv-unpack ───────► pages
 *
 * A matrix is K or V of one layer. Matrices go in groups of bounded size with one readback each, so that a long
 * round takes no more GPU memory than a group; mostly one group holds all. During a transfer the caller pins the
 * pages. The pools may grow meanwhile.
 */
import type { Copy, Gpu } from "../gpu/gpu";
import { readbackBuffer, readInto } from "../gpu/readback";
import { SlicedUpload } from "../gpu/sliced-upload";
import { packGroup, unpackGroup } from "./int8-packing";
import type { KvHalf, KvShape } from "./kv-cache";
import {
  bufferOf,
  groupsOf,
  type MatrixGroup,
  payloadBytesOf,
  type TransferMode,
} from "./matrix-group";
import { PAGE_TOKENS } from "./page-pool";
import { runsOf } from "./page-runs";
import { pageMatrixBytes } from "./segment";

/**
 * The payload of a round's half. Places after its `tokens` tokens are 0, so that no old content of the pages is
 * stored.
 *
 * @param pages the round's pages, in order
 * @param localPages those of its local layers, as many
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function packHalf(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  mode: TransferMode,
  tokens = pages.length * PAGE_TOKENS,
  localPages: readonly number[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  if (half.local && localPages.length !== pages.length)
    throw new RangeError(
      `pack: ${pages.length} pages of the ${half.half} half, ${localPages.length} of its local layers`,
    );
  const payload = new Uint8Array(payloadBytesOf(half, pages, mode));
  for (const group of groupsOf(half, pages, mode)) {
    const { offset, bytes } = group;
    const from = group.isLocal ? localPages : pages;
    const readback = await gpu.allocating(
      `${bytes} bytes to store a round of the chat`,
      () => readbackBuffer(gpu, "segment readback", bytes),
    );
    try {
      if (mode === "raw") {
        gpu.copy("kv-pack", copiesOf(half, from, group, readback));
      } else {
        await packGroup(gpu, half, from, tokens, group, readback);
      }
      await readInto(gpu, readback, payload.subarray(offset, offset + bytes));
    } finally {
      gpu.destroyBuffer(readback);
    }
  }
  gpu.check();
  if (mode === "raw") clearBehind(payload, half.shape, pages.length, tokens);
  return payload;
}

/** Which layers of a half are filled from a payload. */
export type FilledLayers = "all" | "all but local" | "local";

/**
 * Fills a round's pages from a payload that `packHalf` made of as many pages. Resolves once everything is
 * submitted: work submitted afterwards finds the pages filled.
 *
 * @param pages the round's pages, in order; they need not be those that were packed
 * @param localPages those of its local layers, if these are filled
 * @throws RangeError if the payload's length does not match the pages; OutOfMemoryError, DeviceLostError
 */
export async function restoreHalf(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  payload: Uint8Array,
  mode: TransferMode,
  localPages: readonly number[] = [],
  layers: FilledLayers = "all",
): Promise<void> {
  const fillsLocal = half.local !== undefined && layers !== "all but local";
  if (fillsLocal && localPages.length !== pages.length)
    throw new RangeError(
      `restore: ${pages.length} pages of the ${half.half} half, ${localPages.length} of its local layers`,
    );
  const expectedBytes = payloadBytesOf(half, pages, mode);
  if (payload.length !== expectedBytes) {
    throw new RangeError(
      `restore: a payload of ${payload.length} bytes, ${pages.length} pages of the ${half.half} half take ${expectedBytes}`,
    );
  }
  const upload = new SlicedUpload(gpu);
  for (const group of groupsOf(half, pages, mode)) {
    const { offset, bytes, isLocal } = group;
    if (isLocal ? !fillsLocal : layers === "local") continue;
    const to = isLocal ? localPages : pages;
    const data = payload.subarray(offset, offset + bytes);
    if (mode === "raw") await writePages(upload, half, to, group, data);
    else await unpackGroup(gpu, half, to, group, data, upload);
  }
  gpu.check();
}

function copiesOf(
  half: KvHalf,
  pages: readonly number[],
  { first, count }: MatrixGroup,
  to: GPUBuffer,
): Copy[] {
  const pageBytes = pageMatrixBytes(half.shape, half.shape.format);
  return Array.from({ length: count }, (_, matrix) =>
    runsOf(pages).map((run) => ({
      from: bufferOf(half, first + matrix),
      fromOffset: run.page * pageBytes,
      to,
      toOffset: (matrix * pages.length + run.index) * pageBytes,
      bytes: run.count * pageBytes,
    })),
  ).flat();
}

async function writePages(
  upload: SlicedUpload,
  half: KvHalf,
  pages: readonly number[],
  { first, count }: MatrixGroup,
  data: Uint8Array,
): Promise<void> {
  const pageBytes = pageMatrixBytes(half.shape, half.shape.format);
  for (let matrix = 0; matrix < count; matrix++) {
    for (const run of runsOf(pages)) {
      const from = (matrix * pages.length + run.index) * pageBytes;
      await upload.write(
        () => bufferOf(half, first + matrix),
        run.page * pageBytes,
        data.subarray(from, from + run.count * pageBytes),
      );
    }
  }
}

/** Zeroes the places after the last token in a raw payload. */
function clearBehind(
  payload: Uint8Array,
  shape: KvShape,
  pageCount: number,
  tokens: number,
): void {
  const pageBytes = pageMatrixBytes(shape, shape.format);
  const headBytes = pageBytes / shape.kvHeads;
  const tokenBytes = headBytes / PAGE_TOKENS;
  for (let at = 0; at < payload.length; at += headBytes) {
    const index = Math.floor(at / pageBytes) % pageCount;
    const valid = Math.max(0, tokens - index * PAGE_TOKENS);
    if (valid < PAGE_TOKENS)
      payload.fill(0, at + valid * tokenBytes, at + headBytes);
  }
}
