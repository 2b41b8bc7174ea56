/** Compiles a WGSL kernel once, and records dispatches of it that can be replayed without making anything new. */
import type { Gpu, Pass } from "./gpu";

/** How a kernel uses one of its buffers, in WGSL's words. */
export type Access = "read" | "read_write";

/** What a kernel says of itself: its WGSL, its buffers, its parameters and its grid. */
export interface KernelSpec<
  Buffers extends string,
  Params extends string,
  Shape,
> {
  label: string;
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
  /** Binds buffers and parameters. Makes a bind group and a uniform block: not for the fast path. */
  record(
    buffers: Record<Buffers, GPUBuffer>,
    params: Record<Params, number>,
  ): Dispatch<Shape>;
}

/** Turns a spec into a function that compiles it for a device, with values for its `override` constants. */
export function defineKernel<const B extends string, const P extends string, S>(
  spec: KernelSpec<B, P, S>,
) {
  const { label, source, workgroups } = spec;
  const names = Object.keys(spec.buffers) as B[];
  const fields = Object.entries(spec.params) as [P, "u32" | "f32"][];

  return async function compile(
    gpu: Gpu,
    constants: Record<string, number> = {},
  ): Promise<Kernel<B, P, S>> {
    const { device } = gpu;
    const module = device.createShaderModule({ label, code: source });
    await throwIfInvalid(module);
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
  };

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
}

async function throwIfInvalid(module: GPUShaderModule): Promise<void> {
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length === 0) return;
  const lines = errors.map(
    (e) => `${module.label}.wgsl:${e.lineNum}:${e.linePos} ${e.message}`,
  );
  throw new Error(`WGSL does not compile:\n${lines.join("\n")}`);
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE
