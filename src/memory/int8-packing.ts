/** Packs groups of matrices to int8 on the GPU, and unpacks them; staging buffers live for one group. */
import type { Gpu, Pass } from "../gpu/gpu";
import type { Kernel } from "../gpu/kernel";
import type { SlicedUpload } from "../gpu/sliced-upload";
import { KV_FORMAT } from "../kernels/formats";
import { kvPack } from "../kernels/kv-pack";
import { kvUnpack } from "../kernels/kv-unpack";
import type { KvHalf, KvShape } from "./kv-cache";
import { bufferOf, type MatrixGroup } from "./matrix-group";
import { PAGE_TOKENS } from "./page-pool";
import { roundPages } from "./page-table";

/** Buffers of kv-pack and kv-unpack besides the pages. */
interface Staging {
  /** Codes and scales of a group's matrices. */
  packed: GPUBuffer;
  /** The round's pages. */
  round: GPUBuffer;
}

/**
 * Submits the packing of a group, and the copy of the result to `readback`.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function packGroup(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  tokens: number,
  group: MatrixGroup,
  readback: GPUBuffer,
): Promise<void> {
  const { bytes } = group;
  const pack = await kvPack(gpu, constantsOf(half.shape));
  await withStaging(gpu, pages, tokens, bytes, (staging) => {
    const copy = { from: staging.packed, to: readback, bytes };
    gpu.submit("kv-pack", recorded(pack, half, pages, group, staging), [copy]);
  });
}

/**
 * Uploads the codes and scales of a group, and submits the unpacking into its pages.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function unpackGroup(
  gpu: Gpu,
  half: KvHalf,
  pages: readonly number[],
  group: MatrixGroup,
  data: Uint8Array,
  upload: SlicedUpload,
): Promise<void> {
  const unpack = await kvUnpack(gpu, constantsOf(half.shape));
  const tokens = pages.length * PAGE_TOKENS;
  await withStaging(gpu, pages, tokens, group.bytes, async (staging) => {
    await upload.write(() => staging.packed, 0, data);
    gpu.submit("kv-unpack", recorded(unpack, half, pages, group, staging));
  });
}

/**
 * Runs `use` with staging buffers for a group. Destroying them afterwards does not affect work already submitted.
 */
async function withStaging(
  gpu: Gpu,
  pages: readonly number[],
  tokens: number,
  bytes: number,
  use: (staging: Staging) => void | Promise<void>,
): Promise<void> {
  const list = roundPages(pages, tokens);
  const memoryClass = "staging";
  const staging = await gpu.allocating(
    `${bytes} bytes to pack a round of the chat`,
    () => ({
      packed: gpu.buffer({ label: "segment staging", memoryClass, bytes }),
      round: gpu.buffer({
        label: "segment pages",
        memoryClass,
        bytes: list.byteLength,
      }),
    }),
  );
  try {
    gpu.write(staging.round, 0, list);
    await use(staging);
  } finally {
    gpu.destroyBuffer(staging.packed);
    gpu.destroyBuffer(staging.round);
  }
}

/** One dispatch for each matrix of the group. */
function recorded(
  kernel: PackingKernel,
  half: KvHalf,
  pages: readonly number[],
  { first, count }: MatrixGroup,
  { packed, round }: Staging,
): (pass: Pass) => void {
  const { kvHeads } = half.shape;
  const dispatches = Array.from({ length: count }, (_, matrix) =>
    kernel.record(
      { round_pages: round, kv_pages: bufferOf(half, first + matrix), packed },
      { kv_heads: kvHeads, matrix },
    ),
  );
  return (pass) => {
    for (const dispatch of dispatches)
      dispatch(pass, { pages: pages.length, kvHeads });
  };
}

type PackingKernel = Kernel<
  "round_pages" | "kv_pages" | "packed",
  "kv_heads" | "matrix",
  { pages: number; kvHeads: number }
>;

const constantsOf = ({ headDim, format }: KvShape) => ({
  head_dim: headDim,
  kv_format: KV_FORMAT[format],
});
