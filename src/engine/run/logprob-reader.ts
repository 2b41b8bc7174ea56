/**
 * Log-probabilities of drawn tokens, and of the likeliest ones beside them: read where the logits are, so that only
 * these few numbers leave the GPU. Loaded and made when a reply first asks for them.
 */
import type { Copy, Gpu, Pass } from "../../gpu/gpu";
import type { Dispatch } from "../../gpu/kernel";
import { ReadbackRing } from "../../gpu/readback";
import { logprobs } from "../../kernels/sampling/logprobs";
import {
  logprobsBytes,
  logprobsScan,
} from "../../kernels/sampling/logprobs-scan";
import { NO_TOKEN } from "../../kernels/sampling/sample";
import type { Decoder } from "../../model/network/decoder";

/** Natural logarithms of a token's probability, by the model's own logits. */
export interface DrawnLogprobs {
  drawn: number;
  /** The likeliest tokens, falling. */
  top: readonly { token: number; logprob: number }[];
}

/** What is added to a step that draws a token. */
export interface LogprobStep {
  /** Goes behind the sampler. */
  add: (pass: Pass) => void;
  copy: Copy;
  read: () => Promise<DrawnLogprobs>;
}

/** Steps in flight, and one being read. */
const SLOTS = 3;

export class LogprobReader {
  readonly #gpu: Gpu;
  readonly #ring: ReadbackRing;
  readonly #buffers: readonly GPUBuffer[];
  readonly #result: GPUBuffer;
  readonly #dispatches: readonly Dispatch<{ vocabSize: number }>[];
  readonly #vocabSize: number;
  readonly #topCount: number;

  private constructor(
    gpu: Gpu,
    { workspace, vocabSize }: Pick<Decoder, "workspace" | "vocabSize">,
    topCount: number,
    kernels: readonly [
      Awaited<ReturnType<typeof logprobsScan>>,
      Awaited<ReturnType<typeof logprobs>>,
    ],
  ) {
    const bytes = logprobsBytes(vocabSize);
    const make = (label: string, size: number) =>
      gpu.buffer({ label, memoryClass: "activations", bytes: size });
    const tops = make("likeliest of blocks", bytes.tops);
    this.#result = make("log-probabilities", bytes.logprobs);
    this.#gpu = gpu;
    this.#buffers = [tops, this.#result];
    this.#ring = new ReadbackRing(gpu, SLOTS, bytes.logprobs);
    this.#vocabSize = vocabSize;
    this.#topCount = topCount;
    const { logits, sampled } = workspace;
    const buffers = { logits, sampled, tops, logprobs: this.#result };
    const params = { vocab_size: vocabSize, top_count: topCount };
    this.#dispatches = kernels.map((kernel) => kernel.record(buffers, params));
  }

  /**
   * @param topCount how many of the likeliest tokens to tell of, 0 to 20
   * @throws OutOfMemoryError
   */
  static async create(
    gpu: Gpu,
    decoder: Pick<Decoder, "workspace" | "vocabSize" | "sampleLanes">,
    topCount: number,
  ): Promise<LogprobReader> {
    const constants = { sample_lanes: decoder.sampleLanes };
    const kernels = await Promise.all([
      logprobsScan(gpu, constants),
      logprobs(gpu, constants),
    ]);
    return gpu.allocating(
      "log-probabilities",
      () => new LogprobReader(gpu, decoder, topCount, kernels),
    );
  }

  /** For the next step. */
  take(): LogprobStep {
    const { copy, read } = this.#ring.takeAll(this.#result);
    return {
      add: (pass) => {
        for (const dispatch of this.#dispatches)
          dispatch(pass, { vocabSize: this.#vocabSize });
      },
      copy,
      read: async () => logprobsIn(await read(), this.#topCount),
    };
  }

  destroy(): void {
    this.#ring.destroy();
    for (const buffer of this.#buffers) this.#gpu.destroyBuffer(buffer);
  }
}

/** Reads `struct Logprobs` of logprobs.wgsl. */
function logprobsIn(bytes: ArrayBuffer, topCount: number): DrawnLogprobs {
  const [floats, words] = [new Float32Array(bytes), new Uint32Array(bytes)];
  const top = Array.from({ length: topCount }, (_, i) => ({
    token: words[3 + 2 * i]!,
    logprob: floats[2 + 2 * i]!,
  }));
  return {
    drawn: floats[0]!,
    top: top.filter(({ token }) => token !== NO_TOKEN),
  };
}
