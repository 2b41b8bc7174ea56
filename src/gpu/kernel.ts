/** Compiles a WGSL kernel once for a device, and records dispatches that can be replayed without creating anything. */
import type { Gpu, Pass } from "./gpu";
import { joinWgsl, placeInWgsl, type WgslFile } from "./wgsl";

/** How a kernel accesses one of its buffers, in WGSL's words. */
export type Access = "read" | "read_write";

/** A kernel's interface: its WGSL, its buffers, its parameters and its grid. */
export interface KernelSpec<
  Buffers extends string,
  Params extends string,
  Shape,
> {
  /** Name of its WGSL file, without the extension. */
  label: string;
  /** Files of shaders/shared by name, prepended in this order; one with `enable` directives comes first. */
  shared: Record<string, string>;
  /** Its own WGSL file. */
  source: string;
  /** Storage buffers in binding order, from binding 1 on; binding 0 is the uniform block. */
  buffers: Record<Buffers, Access>;
  /** Fields of the WGSL `Params` struct, in its order; each takes four bytes. */
  params: Record<Params, "u32" | "f32">;
  /** The workgroups that cover a problem of this shape. */
  workgroups: (
    shape: Shape,
    constants: Record<string, number>,
  ) => [x: number, y?: number, z?: number];
}

/** A dispatch with its buffers and parameters bound; only the shape is still open. */
export type Dispatch<Shape> = (pass: Pass, shape: Shape) => void;

/** A compiled kernel. */
export interface Kernel<Buffers extends string, Params extends string, Shape> {
  /** Binds buffers and parameters. Creates a bind group and a uniform block: not for the fast path. */
  record(
    buffers: Record<Buffers, GPUBuffer>,
    params: Record<Params, number>,
  ): Dispatch<Shape>;
}

/** A function that compiles a kernel for a device, with values for its `override` constants; it has the spec as a property. */
export function defineKernel<const B extends string, const P extends string, S>(
  spec: KernelSpec<B, P, S>,
) {
  const { label, shared, source, workgroups } = spec;
  const files = [
    ...Object.entries(shared).map(([name, text]) => ({
      name: `shared/${name}.wgsl`,
      text,
    })),
    { name: `${label}.wgsl`, text: source },
  ];
  const code = joinWgsl(files);
  const names = Object.keys(spec.buffers) as B[];
  const fields = Object.entries(spec.params) as [P, "u32" | "f32"][];

  /** By device and constants: compiling takes seconds, and another model of these shapes may come. */
  const compiled = new WeakMap<Gpu, Map<string, Promise<Kernel<B, P, S>>>>();

  function kernelFor(
    gpu: Gpu,
    constants: Record<string, number> = {},
  ): Promise<Kernel<B, P, S>> {
    const known = compiled.get(gpu) ?? new Map<string, never>();
    compiled.set(gpu, known);
    const key = JSON.stringify(Object.entries(constants).sort());
    const kernel = known.get(key) ?? compile(gpu, constants);
    known.set(key, kernel);
    kernel.catch(() => known.delete(key));
    return kernel;
  }

  async function compile(
    gpu: Gpu,
    constants: Record<string, number>,
  ): Promise<Kernel<B, P, S>> {
    const { device } = gpu;
    // Compile errors are thrown below; the scope keeps them from counting as a failure of the device.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label, code });
    device.popErrorScope().catch(() => null);
    await throwIfInvalid(module, files);
    const layout = device.createBindGroupLayout({
      label,
      entries: [
        { binding: 0, visibility: COMPUTE, buffer: { type: "uniform" } },
        ...names.map((name, i) => ({
          binding: i + 1,
          visibility: COMPUTE,
          buffer: {
            type:
              spec.buffers[name] === "read" ? "read-only-storage" : "storage",
          } as const,
        })),
      ],
    });
    const pipeline = await device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({
        label,
        bindGroupLayouts: [layout],
      }),
      compute: { module, constants },
    });

    return {
      record(buffers, params) {
        const bound = [
          uniformBlock(gpu, params),
          ...names.map((name) => buffers[name]),
        ];
        const bindGroup = gpu.createBindGroup(label, layout, bound);
        return (pass, shape) =>
          pass.dispatch(pipeline, bindGroup, ...workgroups(shape, constants));
      },
    };
  }

  function uniformBlock(gpu: Gpu, values: Record<P, number>): GPUBuffer {
    const view = new DataView(
      new ArrayBuffer(Math.max(16, Math.ceil(fields.length / 4) * 16)),
    );
    fields.forEach(([name, type], i) => {
      if (type === "u32") view.setUint32(4 * i, values[name], true);
      else view.setFloat32(4 * i, values[name], true);
    });
    return gpu.uniformBlock(`${label}.params`, new Uint8Array(view.buffer));
  }

  return Object.assign(kernelFor, { spec });
}

async function throwIfInvalid(
  module: GPUShaderModule,
  files: readonly WgslFile[],
): Promise<void> {
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length === 0) return;
  const lines = errors.map(
    ({ lineNum, linePos, message }) =>
      `${placeInWgsl(files, lineNum)}:${linePos} ${message}`,
  );
  throw new Error(
    `The WGSL of ${module.label} does not compile:\n${lines.join("\n")}`,
  );
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE
