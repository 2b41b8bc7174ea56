/**
 * The platform's GPU for tests that open many engines: all share one device, each as if it were its own, so that
 * a kernel is compiled once per file and not once per engine. When an engine destroys its device, its buffers go;
 * later work of it is dropped, as a destroyed device does.
 */
type Compile = GPUDevice["createComputePipelineAsync"];

let adapter: Promise<GPUAdapter | null> | undefined;
let device: Promise<GPUDevice> | undefined;
const sources = new WeakMap<GPUShaderModule, string>();
const pipelines = new Map<string, Promise<GPUComputePipeline>>();

export const sharedGpu = {
  async requestAdapter(options?: GPURequestAdapterOptions) {
    const real = await (adapter ??= navigator.gpu.requestAdapter(options));
    return real && standIn(real, { requestDevice: () => open(real) });
  },
} as GPU;

async function open(real: GPUAdapter): Promise<GPUDevice> {
  const { maxBufferSize, maxStorageBufferBindingSize } = real.limits;
  device ??= real.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  return lend(await device);
}

/** The device as one engine has it. */
function lend(shared: GPUDevice): GPUDevice {
  const buffers = new Set<GPUBuffer>();
  const listening = new AbortController();
  let lose: (info: GPUDeviceLostInfo) => void = () => {};
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => (lose = resolve));
  void shared.lost.then(lose);
  const { queue } = shared;
  const isGone = () => listening.signal.aborted;
  return standIn(shared, {
    lost,
    queue: standIn(queue, {
      submit(commands) {
        if (!isGone()) queue.submit(commands);
        return undefined;
      },
      writeBuffer(...write: Parameters<GPUQueue["writeBuffer"]>) {
        if (!isGone()) queue.writeBuffer(...write);
        return undefined;
      },
    }),
    createBuffer(descriptor) {
      const buffer = shared.createBuffer(descriptor);
      buffers.add(buffer);
      return buffer;
    },
    createShaderModule(descriptor) {
      const module = shared.createShaderModule(descriptor);
      sources.set(module, descriptor.code);
      return module;
    },
    createComputePipelineAsync: (descriptor) => compile(shared, descriptor),
    addEventListener: (
      type: string,
      listener: EventListenerOrEventListenerObject,
    ) => shared.addEventListener(type, listener, { signal: listening.signal }),
    destroy() {
      if (isGone()) return;
      listening.abort();
      for (const buffer of buffers) buffer.destroy();
      lose({ reason: "destroyed", message: "" } as GPUDeviceLostInfo);
    },
  });
}

/** Pipelines of one source and the same constants are one: their layouts, made alike, fit each other's bind groups. */
function compile(
  shared: GPUDevice,
  descriptor: Parameters<Compile>[0],
): ReturnType<Compile> {
  const { module, constants } = descriptor.compute;
  const key = JSON.stringify([sources.get(module), constants]);
  const known =
    pipelines.get(key) ?? shared.createComputePipelineAsync(descriptor);
  pipelines.set(key, known);
  return known;
}

/** `real` with some of its members replaced. */
function standIn<T extends object>(real: T, own: Partial<T>): T {
  return new Proxy(real, {
    get(target, name) {
      if (name in own) return own[name as keyof T];
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function"
        ? (value.bind(target) as unknown)
        : value;
    },
    // A test that watches what an engine does changes what that one has.
    set: (_, name, value: unknown) => Reflect.set(own, name, value),
  });
}
