/** The small buffer with a reply's sampler settings: `struct Sampler` of shared/sampling.wgsl. */
import type { Gpu } from "../../gpu/gpu";

/** How the sampler draws, in the kernel's terms. */
export interface DrawSettings {
  seed: number;
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  repetitionPenalty: number;
  /** Taken from the bias of each token that is drawn, the first time. Default 0. */
  presencePenalty?: number;
  /** Taken from the bias of each token that is drawn, every time. Default 0. */
  frequencyPenalty?: number;
  /** Whether the workspace's `bias` is added to the logits. Default false. */
  hasBias?: boolean;
  /** Whether only tokens marked as allowed are drawn. Default false. */
  hasMask?: boolean;
}

const WORDS = 10;

/** Written with a reply's first draw; the steps after it only count on. */
export class SamplerBuffer {
  readonly buffer: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #bytes = new ArrayBuffer(4 * WORDS);

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.buffer = gpu.buffer({
      label: "sampler settings",
      memoryClass: "activations",
      bytes: this.#bytes.byteLength,
    });
  }

  write(settings: DrawSettings): void {
    const view = new DataView(this.#bytes);
    let word = 0;
    const u32 = (value: number) => view.setUint32(4 * word++, value, true);
    const f32 = (value: number) => view.setFloat32(4 * word++, value, true);
    u32(settings.seed);
    f32(settings.temperature);
    u32(settings.topK);
    f32(settings.topP);
    f32(settings.minP);
    f32(settings.repetitionPenalty);
    f32(settings.presencePenalty ?? 0);
    f32(settings.frequencyPenalty ?? 0);
    u32(Number(settings.hasBias ?? false));
    u32(Number(settings.hasMask ?? false));
    this.#gpu.write(this.buffer, 0, new Uint8Array(this.#bytes));
  }

  destroy(): void {
    this.#gpu.destroyBuffer(this.buffer);
  }
}
