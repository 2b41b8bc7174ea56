/**
 * The device, and the only place that creates WebGPU objects. Every buffer has a label and a class, and all work
 * is counted: tests hold the rules of the fast path against these counts.
 */
import {
  DeviceLostError,
  OutOfMemoryError,
  WebGpuUnavailableError,
} from "../util/errors";
import { bindingBytesOf, storageBytes } from "./adapter-limits";
import { Ledger, type MemoryClass } from "./ledger";

/** Counts of the work given to the device so far. */
export interface WorkCounts {
  submits: number;
  passes: number;
  dispatches: number;
  bindGroups: number;
  buffers: number;
  writes: number;
  writtenBytes: number;
}

export interface BufferRequest {
  /** A name for people: shown in the memory panel and in GPU inspectors. */
  label: string;
  memoryClass: MemoryClass;
  bytes: number;
  /** Default: a storage buffer that can be copied to and from. */
  usage?: GPUBufferUsageFlags;
}

/** A live buffer, as it counts in the ledger. */
export interface LiveBuffer {
  label: string;
  memoryClass: MemoryClass;
  bytes: number;
}

/** A compute pass that is being recorded. */
export class Pass {
  readonly #encoder: GPUComputePassEncoder;
  readonly #counts: WorkCounts;

  constructor(encoder: GPUComputePassEncoder, counts: WorkCounts) {
    this.#encoder = encoder;
    this.#counts = counts;
  }

  dispatch(
    pipeline: GPUComputePipeline,
    bindGroup: GPUBindGroup,
    x: number,
    y = 1,
    z = 1,
  ): void {
    this.#counts.dispatches++;
    this.#encoder.setPipeline(pipeline);
    this.#encoder.setBindGroup(0, bindGroup);
    this.#encoder.dispatchWorkgroups(x, y, z);
  }
}

export interface Copy {
  from: GPUBuffer;
  fromOffset?: number;
  to: GPUBuffer;
  toOffset?: number;
  bytes: number;
}

export class Gpu {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly ledger = new Ledger();
  readonly counts: WorkCounts = {
    submits: 0,
    passes: 0,
    dispatches: 0,
    bindGroups: 0,
    buffers: 0,
    writes: 0,
    writtenBytes: 0,
  };
  readonly #classes = new Map<GPUBuffer, MemoryClass>();
  readonly #uniformBlocks = new Map<string, GPUBuffer>();
  /** Whether the device is lost for good. */
  isLost = false;
  #failure: Error | undefined;

  private constructor(device: GPUDevice, info: GPUAdapterInfo) {
    this.device = device;
    this.info = info;
    void device.lost.then(({ reason, message }) => {
      this.isLost = true;
      if (reason === "destroyed") return;
      this.#failure = new DeviceLostError(
        `The GPU was lost (${message || "no reason given"}). Your text is safe: try again.`,
      );
    });
    device.addEventListener("uncapturederror", ({ error }) => {
      this.#failure ??= new Error(`WebGPU: ${error.message}`);
    });
  }

  /**
   * Creates a device of the platform's best adapter, with the adapter's largest buffers.
   *
   * @throws WebGpuUnavailableError
   */
  static async open(
    gpu: GPU | undefined = globalThis.navigator?.gpu,
  ): Promise<Gpu> {
    if (!gpu) {
      throw new WebGpuUnavailableError(
        "This browser has no WebGPU, or the page is not served over https or from localhost. Use a current Chrome, Edge, Safari or Firefox.",
      );
    }
    const adapter = await gpu.requestAdapter({
      powerPreference: "high-performance",
    });
    if (!adapter) {
      throw new WebGpuUnavailableError(
        "WebGPU found no GPU adapter. Turn on hardware acceleration in the browser's settings, or update the graphics driver.",
      );
    }
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    try {
      const device = await adapter.requestDevice({
        label: "rondo",
        requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      });
      return new Gpu(device, adapter.info);
    } catch (error) {
      throw new WebGpuUnavailableError(
        `The GPU adapter refused to create a device (${String(error)}). Close other tabs that use the GPU, or restart the browser.`,
      );
    }
  }

  /** The largest storage buffer binding, in bytes. */
  get bindingBytes(): number {
    return bindingBytesOf(this.device.limits);
  }

  /** Whether a CPU emulates the GPU. */
  get isSoftware(): boolean {
    const { isFallbackAdapter, architecture, description } = this.info;
    return (
      isFallbackAdapter ||
      /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description}`)
    );
  }

  /** Whether the device can be used: it is not lost, and nothing has failed on it. */
  get isSound(): boolean {
    return !this.isLost && this.#failure === undefined;
  }

  /** Throws the device's failure, if there was one. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** The cause of a failed call: a lost device makes every pending call fail with an error of its own. */
  async causeOf(error: unknown): Promise<unknown> {
    const soon = new Promise((resolve) => setTimeout(resolve, LOSS_MS));
    await Promise.race([this.device.lost, soon]);
    return this.#failure ?? error;
  }

  /** All live buffers. */
  *buffers(): Generator<LiveBuffer, void> {
    for (const [{ label, size }, memoryClass] of this.#classes)
      yield { label, memoryClass, bytes: size };
  }

  /** @throws OutOfMemoryError if the device does not allow a buffer of this size */
  buffer({
    label,
    memoryClass,
    bytes,
    usage = STORAGE,
  }: BufferRequest): GPUBuffer {
    const size = storageBytes(bytes);
    if (size > this.bindingBytes) {
      throw new OutOfMemoryError(
        `${label} needs a buffer of ${size} bytes; this device allows ${this.bindingBytes}. Choose a smaller model or a smaller memory budget.`,
      );
    }
    const buffer = this.device.createBuffer({ label, size, usage });
    this.counts.buffers++;
    this.#classes.set(buffer, memoryClass);
    this.ledger.add(memoryClass, size);
    return buffer;
  }

  /** A uniform block with this content; callers with the same content share it. */
  uniformBlock(label: string, bytes: Uint8Array): GPUBuffer {
    const key = `${label}:${bytes.join()}`;
    let block = this.#uniformBlocks.get(key);
    // A block created during a failed allocation was destroyed with it.
    if (!block || !this.#classes.has(block)) {
      block = this.buffer({
        label,
        memoryClass: "staging",
        bytes: bytes.length,
        usage: UNIFORM,
      });
      this.write(block, 0, bytes);
      this.#uniformBlocks.set(key, block);
    }
    return block;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    const memoryClass = this.#classes.get(buffer);
    if (memoryClass === undefined) return;
    this.#classes.delete(buffer);
    this.ledger.remove(memoryClass, buffer.size);
    buffer.destroy();
  }

  /**
   * Runs `allocate`, which creates buffers, and destroys them again if it throws or the GPU had no room for them.
   *
   * @throws OutOfMemoryError that says what did not fit; what `allocate` throws
   */
  async allocating<T>(what: string, allocate: () => T): Promise<T> {
    this.check();
    const before = new Set(this.#classes.keys());
    this.device.pushErrorScope("out-of-memory");
    const making = new Promise<T>((resolve) => resolve(allocate()));
    // Collected before any await: buffers that others create meanwhile must not be destroyed.
    const added = [...this.#classes.keys()].filter((one) => !before.has(one));
    const checking = this.device
      .popErrorScope()
      .catch(async (failure: unknown) => {
        throw await this.causeOf(failure);
      });
    try {
      const [made, error] = await Promise.all([making, checking]);
      if (error)
        throw new OutOfMemoryError(
          `The GPU has no room for ${what}. Close other tabs, or choose a smaller model or a smaller memory budget.`,
        );
      return made;
    } catch (error) {
      for (const buffer of added) this.destroyBuffer(buffer);
      throw error;
    }
  }

  write(
    buffer: GPUBuffer,
    offset: number,
    data: Uint8Array | Uint32Array | Float32Array,
  ): void {
    this.counts.writes++;
    this.counts.writtenBytes += data.byteLength;
    this.device.queue.writeBuffer(
      buffer,
      offset,
      data.buffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  createBindGroup(
    label: string,
    layout: GPUBindGroupLayout,
    buffers: GPUBuffer[],
  ): GPUBindGroup {
    this.counts.bindGroups++;
    const entries = buffers.map((buffer, binding) => ({
      binding,
      resource: { buffer },
    }));
    return this.device.createBindGroup({ label, layout, entries });
  }

  /** Submits one compute pass, then the copies. */
  submit(
    label: string,
    encode: (pass: Pass) => void,
    copies: readonly Copy[] = [],
  ): void {
    const encoder = this.device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    encode(new Pass(pass, this.counts));
    pass.end();
    this.counts.passes++;
    this.#finish(encoder, copies);
  }

  /** Submits copies alone. */
  copy(label: string, copies: readonly Copy[]): void {
    this.#finish(this.device.createCommandEncoder({ label }), copies);
  }

  /** Resolves when everything submitted so far is done. */
  async done(): Promise<void> {
    try {
      await this.device.queue.onSubmittedWorkDone();
    } catch (error) {
      throw await this.causeOf(error);
    }
    this.check();
  }

  destroy(): void {
    this.device.destroy();
  }

  #finish(encoder: GPUCommandEncoder, copies: readonly Copy[]): void {
    for (const { from, fromOffset = 0, to, toOffset = 0, bytes } of copies) {
      encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    }
    this.device.queue.submit([encoder.finish()]);
    this.counts.submits++;
  }
}

/** How long a call can fail before the device is known to be lost. */
const LOSS_MS = 200;
/** GPUBufferUsage.STORAGE | COPY_SRC | COPY_DST, spelled out: the constants are absent where there is no WebGPU. */
const STORAGE = 0x80 | 0x04 | 0x08;
/** GPUBufferUsage.UNIFORM | COPY_DST */
const UNIFORM = 0x40 | 0x08;
