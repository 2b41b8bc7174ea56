/** A checkpoint's tensors on the GPU: streamed, joined where the kernels want them joined, rows padded. */
import type { Gpu } from "../gpu/gpu";
import {
  type Checkpoint,
  type FloatType,
  isFloatType,
  tensorBytes,
  type TensorRows,
} from "./checkpoint";
import type { ModelConfig } from "./config";
import { type Matrix, strideOf } from "./linear";

export interface LayerWeights {
  /** Vectors are f32, padded to strideOf(length). */
  inputNorm: GPUBuffer;
  /** [(heads + 2 · kv heads) · head_dim, hidden]: q_proj, k_proj and v_proj one below the other. */
  qkv: Matrix;
  qkvBias?: GPUBuffer;
  /** [head_dim] */
  qNorm?: GPUBuffer;
  kNorm?: GPUBuffer;
  oProj: Matrix;
  oBias?: GPUBuffer;
  postAttentionNorm: GPUBuffer;
  /** [2 · intermediate, hidden]: gate_proj, then up_proj. */
  gateUp: Matrix;
  downProj: Matrix;
}

export interface Weights {
  /** Element type of all matrices. */
  type: FloatType;
  embedTokens: Matrix;
  layers: LayerWeights[];
  norm: GPUBuffer;
  /** The embedding itself when tied. */
  lmHead: Matrix;
  parameterCount: number;
  bytes: number;
  buffers: GPUBuffer[];
}

/** Where a tensor goes. */
interface Destination {
  buffer: GPUBuffer;
  type: FloatType;
  firstRow: number;
  stride: number;
}

/** Bytes handed to the queue before waiting for it: hundreds of MiB undrained are several times slower. */
const IN_FLIGHT_BYTES = 32 << 20;

/**
 * Uploads all tensors. At no time is more than a few MiB of them in the JS heap.
 *
 * @param onProgress gets bytes read so far
 * @throws ModelFormatError, OutOfMemoryError; the signal's reason
 */
export async function loadWeights(
  gpu: Gpu,
  config: ModelConfig,
  checkpoint: Checkpoint,
  {
    onProgress,
    signal,
  }: {
    onProgress?: (loadedBytes: number) => void;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<Weights> {
  const { weights, destinations } = await gpu.allocating(
    "the model's weights",
    () => allocate(gpu, config, checkpoint),
  );
  try {
    let loaded = 0;
    let inFlight = 0;
    for await (const rows of checkpoint.read(signal)) {
      const bytes = upload(gpu, rows, destinations.get(rows.tensor.name)!);
      loaded += rows.bytes.byteLength;
      inFlight += bytes;
      onProgress?.(loaded);
      if (inFlight >= IN_FLIGHT_BYTES) {
        await gpu.done();
        inFlight = 0;
      }
    }
    await gpu.done();
    return weights;
  } catch (error) {
    for (const buffer of weights.buffers) gpu.destroyBuffer(buffer);
    throw error;
  }
}

function allocate(gpu: Gpu, config: ModelConfig, checkpoint: Checkpoint) {
  const destinations = new Map<string, Destination>();
  const buffers: GPUBuffer[] = [];
  const type = matrixType(checkpoint);

  /** A matrix made of tensors one below the other. */
  function matrix(label: string, ...names: string[]): Matrix {
    const shapes = names.map((name) => checkpoint.tensors.get(name)!.shape);
    const columns = shapes[0]![1]!;
    const rows = shapes.reduce((sum, [tensorRows]) => sum + tensorRows!, 0);
    const stride = strideOf(columns);
    const bytes = rows * tensorBytes(type, stride);
    const buffer = gpu.buffer({ label, memoryClass: "weights", bytes });
    buffers.push(buffer);
    let firstRow = 0;
    names.forEach((name, i) => {
      destinations.set(name, { buffer, type, firstRow, stride });
      firstRow += shapes[i]![0]!;
    });
    return { buffer, rows, columns };
  }

  /** A vector made of tensors end to end, as f32. */
  function vector(label: string, ...names: string[]): GPUBuffer {
    const lengths = names.map(
      (name) => checkpoint.tensors.get(name)!.shape[0]!,
    );
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const buffer = gpu.buffer({
      label,
      memoryClass: "weights",
      bytes: strideOf(total) * 4,
    });
    buffers.push(buffer);
    let first = 0;
    names.forEach((name, i) => {
      // As rows of one value, so that the second tensor can start anywhere.
      destinations.set(name, {
        buffer,
        type: "F32",
        firstRow: first,
        stride: 1,
      });
      first += lengths[i]!;
    });
    return buffer;
  }

  const layers = Array.from(
    { length: config.numHiddenLayers },
    (_, l): LayerWeights => {
      const name = (part: string) => `model.layers.${l}.${part}`;
      const label = (part: string) => `layer ${l} ${part}`;
      const attention = ["q", "k", "v"].map((part) =>
        name(`self_attn.${part}_proj`),
      );
      return {
        inputNorm: vector(label("input norm"), name("input_layernorm.weight")),
        qkv: matrix(label("qkv"), ...attention.map((part) => `${part}.weight`)),
        ...(config.hasQkvBias && {
          qkvBias: vector(
            label("qkv bias"),
            ...attention.map((part) => `${part}.bias`),
          ),
        }),
        ...(config.hasQkNorm && {
          qNorm: vector(label("q norm"), name("self_attn.q_norm.weight")),
          kNorm: vector(label("k norm"), name("self_attn.k_norm.weight")),
        }),
        oProj: matrix(label("o"), name("self_attn.o_proj.weight")),
        ...(config.hasOutputBias && {
          oBias: vector(label("o bias"), name("self_attn.o_proj.bias")),
        }),
        postAttentionNorm: vector(
          label("post attention norm"),
          name("post_attention_layernorm.weight"),
        ),
        gateUp: matrix(
          label("gate and up"),
          name("mlp.gate_proj.weight"),
          name("mlp.up_proj.weight"),
        ),
        downProj: matrix(label("down"), name("mlp.down_proj.weight")),
      };
    },
  );
  const embedTokens = matrix("embedding", "model.embed_tokens.weight");
  const weights: Weights = {
    type,
    embedTokens,
    layers,
    norm: vector("final norm", "model.norm.weight"),
    lmHead: config.tieWordEmbeddings
      ? embedTokens
      : matrix("head", "lm_head.weight"),
    parameterCount: [...checkpoint.tensors.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    ),
    bytes: buffers.reduce((sum, { size }) => sum + size, 0),
    buffers,
  };
  return { weights, destinations };
}

/** The matrices' own type, kept as it is; F32 where they differ. */
function matrixType(checkpoint: Checkpoint): FloatType {
  const types = new Set(
    [...checkpoint.tensors.values()]
      .filter(({ shape }) => shape.length === 2)
      .map(({ type }) => type),
  );
  const [type] = types;
  return types.size === 1 && isFloatType(type!) ? type : "F32";
}

/** Writes rows where they belong, padded and converted if need be. Returns bytes written. */
function upload(
  gpu: Gpu,
  { tensor, firstRow, bytes }: TensorRows,
  to: Destination,
): number {
  const isVector = tensor.shape.length === 1;
  const columns = isVector ? 1 : tensor.shape[1]!;
  const rowBytes = tensorBytes(to.type, to.stride);
  const offset = (to.firstRow + firstRow) * rowBytes;
  const asIs = tensor.type === to.type && columns === to.stride;
  const data = asIs
    ? bytes
    : padded(bytes, tensor.type as FloatType, columns, to);
  gpu.write(to.buffer, offset, data);
  return data.byteLength;
}

function padded(
  bytes: Uint8Array,
  from: FloatType,
  columns: number,
  { type, stride }: Destination,
): Uint8Array {
  const rows = bytes.byteLength / tensorBytes(from, columns);
  if (type === "F32") {
    const out = new Float32Array(rows * stride);
    const values = toFloats(bytes, from);
    for (let row = 0; row < rows; row++) {
      out.set(
        values.subarray(row * columns, (row + 1) * columns),
        row * stride,
      );
    }
    return new Uint8Array(out.buffer);
  }
  const out = new Uint16Array(rows * stride);
  const values = new Uint16Array(
    bytes.buffer,
    bytes.byteOffset,
    bytes.byteLength / 2,
  );
  for (let row = 0; row < rows; row++)
    out.set(values.subarray(row * columns, (row + 1) * columns), row * stride);
  return new Uint8Array(out.buffer);
}

function toFloats(bytes: Uint8Array, type: FloatType): Float32Array {
  if (type === "F32")
    return new Float32Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength / 4,
    );
  const halves = new Uint16Array(
    bytes.buffer,
    bytes.byteOffset,
    bytes.byteLength / 2,
  );
  if (type === "F16") return Float32Array.from(halves, halfToFloat);
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
