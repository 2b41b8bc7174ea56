/** A network on the GPU: weights, kernels, pages and workspace, created and released together. */
import type { Gpu } from "../../gpu/gpu";
import { KvCache, type KvFormat } from "../../memory/kv-cache";
import { checkKernels, type KernelCheck } from "../../model/network/canary";
import type { Checkpoint } from "../../model/checkpoint/checkpoint";
import type { ModelConfig } from "../../model/config/computable";
import { globalLayerFrom } from "../../model/config/global-layers";
import { compileKernels } from "../../model/network/kernel-set";
import { Decoder } from "../../model/network/decoder";
import type { WeightBits } from "../../model/weights/matrix-format";
import { type Tuning, tuningFor } from "../../model/network/tuning";
import { loadWeights, type Weights } from "../../model/weights/weights";

export interface Network {
  config: ModelConfig;
  weights: Weights;
  cache: KvCache;
  decoder: Decoder;
  /** Results of the kernels' checks. */
  checks: KernelCheck[];
}

export interface NetworkOptions {
  /** Element type of resident KV. Default f16. */
  kvFormat?: KvFormat;
  /** The most bytes of KV, both halves together. Default 1 GiB. */
  kvBudgetBytes?: number;
  /** The last layer of the lower half. */
  watershed?: number;
  /** Upper pages per lower page; see divideBudget. */
  upperShare?: number | undefined;
  /** Default: chosen for the adapter. */
  tuning?: Tuning;
  /** Bits of a weight; see loadWeights. */
  weightBits?: WeightBits | undefined;
  /** Called with the bytes of weights read so far. */
  onProgress?: (loadedBytes: number) => void;
  signal?: AbortSignal | undefined;
}

/** @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError; the signal's reason */
export async function buildNetwork(
  gpu: Gpu,
  config: ModelConfig,
  checkpoint: Checkpoint,
  {
    kvFormat = "f16",
    kvBudgetBytes = 2 ** 30,
    watershed = defaultWatershed(config),
    upperShare,
    tuning = tuningFor(gpu),
    weightBits,
    onProgress,
    signal,
  }: NetworkOptions = {},
): Promise<Network> {
  const weights = await loadWeights(gpu, config, checkpoint, {
    bits: weightBits,
    ...(onProgress && { onProgress }),
    signal,
  });
  let cache: KvCache | undefined;
  try {
    const kernels = await compileKernels(
      gpu,
      config,
      weights.formats,
      kvFormat,
      tuning,
    );
    const checks = await checkKernels(gpu, kernels);
    signal?.throwIfAborted();
    const shape = {
      layerCount: config.numHiddenLayers,
      watershed,
      kvHeads: config.numKeyValueHeads,
      headDim: config.headDim,
      format: kvFormat,
      windows: config.layers.map(({ attention }) => attention.window),
    };
    cache = new KvCache(gpu, shape, kvBudgetBytes, upperShare);
    await cache.reserve({ lower: 1, upper: 1 });
    const decoder = await Decoder.create(
      gpu,
      config,
      weights,
      kernels,
      cache,
      tuning,
    );
    return { config, weights, cache, decoder, checks };
  } catch (error) {
    cache?.destroy();
    for (const buffer of weights.buffers) gpu.destroyBuffer(buffer);
    throw error;
  }
}

export function destroyNetwork(
  gpu: Gpu,
  { weights, cache, decoder }: Network,
): void {
  decoder.destroy();
  cache.destroy();
  for (const buffer of weights.buffers) gpu.destroyBuffer(buffer);
}

/**
 * The watershed of a model that was not calibrated: after a quarter of the layers, at one that sees all rounds.
 */
export function defaultWatershed(
  config: Pick<ModelConfig, "layers" | "numHiddenLayers">,
): number {
  const quarter = Math.floor(config.numHiddenLayers / 4) - 1;
  const watershed = globalLayerFrom(config, Math.max(0, quarter));
  // The upper half has a layer too, unless there is but one.
  return Math.max(0, Math.min(watershed, config.numHiddenLayers - 2));
}
