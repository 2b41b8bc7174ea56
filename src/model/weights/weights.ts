/** A checkpoint's tensors on the GPU: streamed, joined as the kernels need them, rows padded. */
import type { Gpu } from "../../gpu/gpu";
import { storageBytes } from "../../gpu/adapter-limits";
import type { Checkpoint } from "../checkpoint/checkpoint";
import type {
  LayerRecipe,
  Norm,
  Projection,
  TensorSpec,
} from "../architectures/recipe";
import type { ModelConfig } from "../config/computable";
import { checkBindings, type JoinedMatrix } from "./check-bindings";
import type { Matrix, MatrixPart } from "./matrix";
import { matrixParts, type TensorKind } from "./matrix-parts";
import {
  defaultBits,
  isQuantFormat,
  rowBytes,
  strideOf,
  type WeightBits,
  type WeightFormats,
} from "./matrix-format";
import { type Destination, uploadRows } from "./tensor-upload";

export interface LayerWeights {
  /** Vectors are f32, padded to strideOf(length). */
  inputNorm: GPUBuffer;
  /** [(heads + 2 · kv heads) · head_dim, hidden]: queries, then keys, then values. */
  qkv: Matrix;
  qkvBias?: GPUBuffer;
  /** [head_dim] */
  qNorm?: GPUBuffer;
  kNorm?: GPUBuffer;
  oProj: Matrix;
  oBias?: GPUBuffer;
  mlpNorm: GPUBuffer;
  /** [hidden], behind attention and MLP. */
  attentionPostNorm?: GPUBuffer;
  mlpPostNorm?: GPUBuffer;
  /** [2 · intermediate, hidden]: gate, then up. */
  gateUp: Matrix;
  downProj: Matrix;
}

export interface Weights {
  formats: WeightFormats;
  embedTokens: Matrix;
  layers: LayerWeights[];
  norm: GPUBuffer;
  /** The embedding itself when tied. */
  lmHead: Matrix;
  parameterCount: number;
  bytes: number;
  buffers: GPUBuffer[];
}

export interface WeightOptions {
  /**
   * Bits of a weight; 16 means as in the checkpoint. Tensors that are quantised already stay as they are.
   * Default: `defaultBits`.
   */
  bits?: WeightBits | undefined;
  onProgress?: (loadedBytes: number) => void;
  signal?: AbortSignal | undefined;
}

/** Bytes to queue before waiting for the GPU: with hundreds of MiB in the queue uploads are several times slower. */
const IN_FLIGHT_BYTES = 32 << 20;

/**
 * Uploads all tensors. At most a few MiB of them are in the JS heap at any time.
 *
 * @param onProgress called with the bytes read so far
 * @throws ModelFormatError, OutOfMemoryError; the signal's reason
 */
export async function loadWeights(
  gpu: Gpu,
  config: ModelConfig,
  checkpoint: Checkpoint,
  { bits, onProgress, signal }: WeightOptions = {},
): Promise<Weights> {
  const { tensors } = checkpoint;
  const layerBits = bits ?? defaultBits(parameterCount(tensors));
  checkBindings(matricesOfLayers(config), tensors, layerBits, gpu.bindingBytes);
  const { weights, destinations } = await gpu.allocating(
    "the model's weights",
    () =>
      allocate(config, tensors, layerBits, {
        hasWholeNorms: checkpoint.hasWholeNorms,
        bindingBytes: gpu.bindingBytes,
        make: (label, bytes) =>
          gpu.buffer({ label, memoryClass: "weights", bytes }),
      }),
  );
  try {
    let loaded = 0;
    let inFlight = 0;
    for await (const rows of checkpoint.read(signal)) {
      const to = destinations.get(rows.tensor.name)!;
      const bytes = uploadRows(gpu, rows, to);
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

/** What a model's weights take on a GPU: counted by allocating them, with nothing in place of buffers. */
export function plannedWeightBytes(
  config: ModelConfig,
  kinds: ReadonlyMap<string, TensorKind>,
  bits: WeightBits,
): number {
  let sum = 0;
  const make = (_: string, bytes: number) => {
    const size = storageBytes(bytes);
    sum += size;
    return { size } as GPUBuffer;
  };
  allocate(config, kinds, bits, { bindingBytes: Infinity, make });
  return sum;
}

/** Values of all tensors. */
export function parameterCount(kinds: ReadonlyMap<string, TensorKind>): number {
  return [...kinds.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
}

/** The matrices of all layers. */
export function matricesOfLayers({ layers }: ModelConfig): JoinedMatrix[] {
  return layers.flatMap((layer, l) => Object.values(layerMatrices(layer, l)));
}

/** The matrices of a layer, each made of tensors stacked by rows. */
function layerMatrices({ attention, mlp }: LayerRecipe, l: number) {
  const joined = (label: string, { weights }: Projection): JoinedMatrix => ({
    label: `layer ${l} ${label}`,
    tensors: weights,
  });
  return {
    qkv: joined("qkv", attention.qkv),
    oProj: joined("o", attention.output),
    gateUp: { ...joined("gate and up", mlp.gateUp), isGated: true },
    downProj: joined("down", mlp.down),
  };
}

function allocate(
  config: ModelConfig,
  kinds: ReadonlyMap<string, TensorKind>,
  bits: WeightBits,
  {
    hasWholeNorms = false,
    bindingBytes,
    make: makeBuffer,
  }: {
    hasWholeNorms?: boolean | undefined;
    bindingBytes: number;
    make: (label: string, bytes: number) => GPUBuffer;
  },
) {
  const destinations = new Map<string, Destination>();
  const buffers: GPUBuffer[] = [];
  const formats = new Set<MatrixPart["format"]>();

  function make(label: string, bytes: number): GPUBuffer {
    const buffer = makeBuffer(label, bytes);
    buffers.push(buffer);
    return buffer;
  }

  /** A matrix made of tensors stacked by rows. */
  function matrix(
    { label, tensors: specs, isGated = false }: JoinedMatrix,
    atMost: WeightBits = bits,
  ): Matrix {
    const tensors = specs.map(({ name }) => kinds.get(name)!);
    const columns = tensors[0]!.shape[1]!;
    const whole: Matrix = { rows: 0, columns, parts: [] };
    for (const { format, rows } of matrixParts(tensors, atMost, isGated)) {
      const row = rowBytes(format, columns);
      const mostRows = Math.floor(bindingBytes / row.weights);
      for (let first = 0; first < rows; first += mostRows) {
        const count = Math.min(mostRows, rows - first);
        whole.parts.push({
          format,
          firstRow: whole.rows,
          rows: count,
          weights: make(label, count * row.weights),
          scales: isQuantFormat(format)
            ? make(`${label} scales`, count * row.scales)
            : undefined,
        });
        whole.rows += count;
      }
      formats.add(format);
    }
    let firstRow = 0;
    for (const { name, shape } of specs) {
      destinations.set(name, { matrix: whole, firstRow });
      firstRow += shape[0]!;
    }
    return whole;
  }

  /** A norm's weights, with what a file of this format leaves out of them. */
  function norm(
    label: string,
    { weight, offset }: Pick<Norm, "weight" | "offset">,
  ): GPUBuffer {
    return vector(label, [weight], hasWholeNorms ? 0 : offset);
  }

  /** A vector made of concatenated tensors, as f32. */
  function vector(
    label: string,
    specs: readonly TensorSpec[],
    offset = 0,
  ): GPUBuffer {
    const total = specs.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const buffer = make(label, strideOf(total) * 4);
    let first = 0;
    for (const { name, shape } of specs) {
      destinations.set(name, { vector: buffer, first, offset });
      first += shape[0]!;
    }
    return buffer;
  }

  const layers = config.layers.map((layer, l): LayerWeights => {
    const { attention, mlp } = layer;
    const { qkNorm } = attention;
    const [qkvBias, oBias] = [attention.qkv.biases, attention.output.biases];
    const { qkv, oProj, gateUp, downProj } = layerMatrices(layer, l);
    const label = (part: string) => `layer ${l} ${part}`;
    return {
      inputNorm: norm(label("input norm"), attention.norm),
      qkv: matrix(qkv),
      ...(qkvBias && { qkvBias: vector(label("qkv bias"), qkvBias) }),
      ...(qkNorm && {
        qNorm: norm(label("q norm"), { ...qkNorm, weight: qkNorm.q }),
        kNorm: norm(label("k norm"), { ...qkNorm, weight: qkNorm.k }),
      }),
      oProj: matrix(oProj),
      ...(oBias && { oBias: vector(label("o bias"), oBias) }),
      mlpNorm: norm(label("MLP norm"), mlp.norm),
      ...(attention.postNorm && {
        attentionPostNorm: norm(
          label("attention post norm"),
          attention.postNorm,
        ),
      }),
      ...(mlp.postNorm && {
        mlpPostNorm: norm(label("MLP post norm"), mlp.postNorm),
      }),
      gateUp: matrix(gateUp),
      downProj: matrix(downProj),
    };
  });
  // The head affects every logit: it is kept finer than the layers, as other quantisers do.
  const outer: WeightBits = bits === 4 ? 8 : bits;
  const { embedding, head, norm: lastNorm } = config;
  const embedTokens = matrix(
    { label: "embedding", tensors: [embedding.weight] },
    outer,
  );
  const lmHead =
    head.weight === null
      ? embedTokens
      : matrix({ label: "head", tensors: [head.weight] }, outer);
  const weights: Weights = {
    formats: {
      embedding: embedTokens.parts[0]!.format,
      matrices: [...formats],
    },
    embedTokens,
    layers,
    norm: norm("final norm", lastNorm),
    lmHead,
    parameterCount: parameterCount(kinds),
    bytes: buffers.reduce((sum, { size }) => sum + size, 0),
    buffers,
  };
  return { weights, destinations };
}
