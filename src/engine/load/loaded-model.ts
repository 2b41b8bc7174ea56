/** A loaded model on its device, with everything that turns need besides it. */
import { copySpeed } from "../../gpu/copy-speed";
import { Gpu } from "../../gpu/gpu";
import { ReadbackRing } from "../../gpu/readback";
import type { KeyIndex } from "../../memory/key-index";
import { Residency } from "../../memory/residency";
import type { RoundIndex } from "../../model/config/round-index";
import type { ModelFiles } from "../../model/files/model-files";
import { lazyPart } from "../../util/lazy-part";
import { canThink } from "../../model/text/thinking";
import type { LoadOptions, ModelInfo } from "../api/models";
import { destroyModel, loadModel, type Model } from "./load-model";
import type { NetworkOptions } from "./network";
import { KvRestorer } from "../restore/kv-restore";
import { Runner } from "../run/runner";
import { Rates } from "../restore/restore-or-recompute";

export interface LoadedModelOptions extends LoadOptions {
  /** Default: the platform's navigator.gpu. */
  platform?: GPU | undefined;
  /** See loadModel. */
  learned?: unknown;
  network?: Pick<NetworkOptions, "kvFormat" | "kvBudgetBytes" | "watershed">;
}

const newKeyIndex = lazyPart(async () => {
  const { KeyIndex } = await import("../../memory/key-index");
  return (...args: ConstructorParameters<typeof KeyIndex>) =>
    new KeyIndex(...args);
});

/** Slots for reading tokens back: two steps in flight, and one being read. */
const RING_SLOTS = 3;

export class LoadedModel {
  readonly gpu: Gpu;
  readonly model: Model;
  readonly runner: Runner;
  readonly residency: Residency;
  /** Keys of its retrieval heads, if it has some. */
  index: KeyIndex | undefined;
  readonly restorer: KvRestorer;
  readonly ring: ReadbackRing;
  /** See DeviceInfo. */
  readonly bytesPerSecond: number | undefined;

  private constructor(
    gpu: Gpu,
    model: Model,
    bytesPerSecond: number | undefined,
  ) {
    this.gpu = gpu;
    this.bytesPerSecond = bytesPerSecond;
    this.model = model;
    const { decoder, cache } = model.network;
    const rates = new Rates();
    this.runner = new Runner(gpu, decoder, cache, (rows, layers, ms) =>
      rates.prefilled(rows, layers / this.runner.layerCount, ms),
    );
    this.residency = new Residency(cache);
    this.restorer = new KvRestorer(this.runner, this.residency, rates);
    this.ring = new ReadbackRing(gpu, RING_SLOTS);
  }

  /** @throws ModelFormatError, ModelFetchError, WebGpuUnavailableError, OutOfMemoryError; the signal's reason */
  static async open(
    files: ModelFiles,
    {
      platform,
      network,
      learned,
      memoryBudgetBytes,
      weightBits,
      contextTokens,
      selection,
      onProgress,
      signal,
    }: LoadedModelOptions,
  ): Promise<LoadedModel> {
    signal?.throwIfAborted();
    onProgress?.({ phase: "adapter", loadedBytes: 0, totalBytes: 0 });
    const gpu = await Gpu.open(platform);
    try {
      // A CPU's speed at copying says nothing about its speed at computing.
      const bytesPerSecond = gpu.isSoftware
        ? undefined
        : await copySpeed(gpu).catch(() => undefined);
      const model = await loadModel(gpu, files, {
        ...network,
        ...(memoryBudgetBytes !== undefined && {
          kvBudgetBytes: memoryBudgetBytes,
        }),
        ...(weightBits !== undefined && { weightBits }),
        contextTokens,
        selection,
        signal,
        learned,
        ...(onProgress && { onProgress }),
      });
      const loaded = new LoadedModel(gpu, model, bytesPerSecond);
      if (model.index) await loaded.useHeads(model.index);
      return loaded;
    } catch (error) {
      gpu.destroy();
      throw await gpu.causeOf(error);
    }
  }

  /** Has these retrieval heads find rounds from now on. */
  async useHeads(index: RoundIndex): Promise<void> {
    const { config, cache } = this.model.network;
    const made = await newKeyIndex(
      this.gpu,
      cache,
      index.heads,
      config.numAttentionHeads / config.numKeyValueHeads,
      this.model.indexBytes,
    );
    this.index?.destroy();
    this.index = made;
    this.model.index = index;
    this.model.needsHeads = false;
  }

  info(): ModelInfo {
    const { config, weights, cache } = this.model.network;
    const { vendor, architecture, description } = this.gpu.info;
    return {
      name: this.model.name,
      architecture: config.architecture,
      parameterCount: weights.parameterCount,
      layerCount: config.numHiddenLayers,
      contextTokens: this.model.contextTokens,
      weightBytes: weights.bytes,
      kvBytesPerToken: cache.tokenBytes,
      templateNote: this.model.template.note,
      canThink: canThink(this.model.template, this.model.tokenizer.markers),
      device: {
        vendor,
        architecture,
        description,
        isSoftware: this.gpu.isSoftware,
        bindingBytes: this.gpu.bindingBytes,
        bytesPerSecond: this.bytesPerSecond,
      },
    };
  }

  destroy(): void {
    this.residency.release();
    this.index?.destroy();
    this.ring.destroy();
    this.runner.destroy();
    destroyModel(this.gpu, this.model);
    this.gpu.destroy();
  }
}
