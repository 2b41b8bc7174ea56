/** A checkpoint's tensors on the GPU: streamed, joined where the kernels want them joined, rows padded. */
import type { Gpu } from "../../gpu/gpu";
import type { Checkpoint } from "../checkpoint/checkpoint";
import type { ModelConfig } from "../config/config";
import { checkBindings, type JoinedMatrix } from "./check-bindings";
import type { Matrix } from "./matrix";
import {
  defaultBits,
  isQuantFormat,
  matrixFormat,
  rowBytes,
  strideOf,
  type WeightBits,
  type WeightFormats,
} from "./matrix-format";
import { type Destination, uploadRows } from "./tensor-upload";

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
   * Bits of a weight; 16 is what the checkpoint has. Tensors that are quantised already stay as they are.
   * Default: what `defaultBits` says.
   */
  bits?: WeightBits | undefined;
  onProgress?: (loadedBytes: number) => void;
  signal?: AbortSignal | undefined;
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
  { bits, onProgress, signal }: WeightOptions = {},
): Promise<Weights> {
  const parameterCount = [...checkpoint.tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  const layerBits = bits ?? defaultBits(parameterCount);
  checkBindings(
    Array.from({ length: config.numHiddenLayers }, (_, l) =>
      Object.values(layerMatrices(l)),
    ).flat(),
    checkpoint,
    layerBits,
    gpu.bindingBytes,
  );
  const { weights, destinations } = await gpu.allocating(
    "the model's weights",
    () => allocate(gpu, config, checkpoint, parameterCount, layerBits),
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

/** The matrices of a layer, each of tensors one below the other. */
function layerMatrices(l: number) {
  const joined = (label: string, ...parts: string[]): JoinedMatrix => ({
    label: `layer ${l} ${label}`,
    names: parts.map((part) => `model.layers.${l}.${part}_proj.weight`),
  });
  return {
    qkv: joined("qkv", "self_attn.q", "self_attn.k", "self_attn.v"),
    oProj: joined("o", "self_attn.o"),
    gateUp: joined("gate and up", "mlp.gate", "mlp.up"),
    downProj: joined("down", "mlp.down"),
  };
}

function allocate(
  gpu: Gpu,
  config: ModelConfig,
  checkpoint: Checkpoint,
  parameterCount: number,
  bits: WeightBits,
) {
  const destinations = new Map<string, Destination>();
  const buffers: GPUBuffer[] = [];
  const formats = new Set<Matrix["format"]>();

  function make(label: string, bytes: number): GPUBuffer {
    const buffer = gpu.buffer({ label, memoryClass: "weights", bytes });
    buffers.push(buffer);
    return buffer;
  }

  /** A matrix made of tensors one below the other. */
  function matrix(
    { label, names }: JoinedMatrix,
    atMost: WeightBits = bits,
  ): Matrix {
    const tensors = names.map((name) => checkpoint.tensors.get(name)!);
    const columns = tensors[0]!.shape[1]!;
    const types = tensors.map(({ type }) => type);
    const format = matrixFormat(types, columns, atMost);
    const row = rowBytes(format, columns);
    const rows = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const partRows = Math.floor(gpu.bindingBytes / row.weights);
    const whole: Matrix = { format, rows, columns, parts: [] };
    for (let first = 0; first < rows; first += partRows) {
      const count = Math.min(partRows, rows - first);
      whole.parts.push({
        firstRow: first,
        rows: count,
        weights: make(label, count * row.weights),
        scales: isQuantFormat(format)
          ? make(`${label} scales`, count * row.scales)
          : undefined,
      });
    }
    formats.add(format);
    let firstRow = 0;
    for (const { name, shape } of tensors) {
      destinations.set(name, { matrix: whole, firstRow });
      firstRow += shape[0]!;
    }
    return whole;
  }

  /** A vector made of tensors end to end, as f32. */
  function vector(label: string, ...names: string[]): GPUBuffer {
    const lengths = names.map(
      (name) => checkpoint.tensors.get(name)!.shape[0]!,
    );
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const buffer = make(label, strideOf(total) * 4);
    let first = 0;
    names.forEach((name, i) => {
      destinations.set(name, { vector: buffer, first });
      first += lengths[i]!;
    });
    return buffer;
  }

  const layers = Array.from(
    { length: config.numHiddenLayers },
    (_, l): LayerWeights => {
      const name = (part: string) => `model.layers.${l}.${part}`;
      const label = (part: string) => `layer ${l} ${part}`;
      const { qkv, oProj, gateUp, downProj } = layerMatrices(l);
      return {
        inputNorm: vector(label("input norm"), name("input_layernorm.weight")),
        qkv: matrix(qkv),
        ...(config.hasQkvBias && {
          qkvBias: vector(
            label("qkv bias"),
            ...["q", "k", "v"].map((part) =>
              name(`self_attn.${part}_proj.bias`),
            ),
          ),
        }),
        ...(config.hasQkNorm && {
          qNorm: vector(label("q norm"), name("self_attn.q_norm.weight")),
          kNorm: vector(label("k norm"), name("self_attn.k_norm.weight")),
        }),
        oProj: matrix(oProj),
        ...(config.hasOutputBias && {
          oBias: vector(label("o bias"), name("self_attn.o_proj.bias")),
        }),
        postAttentionNorm: vector(
          label("post attention norm"),
          name("post_attention_layernorm.weight"),
        ),
        gateUp: matrix(gateUp),
        downProj: matrix(downProj),
      };
    },
  );
  // What every logit goes through is kept finer than the layers, as other quantisers do.
  const outer: WeightBits = bits === 4 ? 8 : bits;
  const embedTokens = matrix(
    { label: "embedding", names: ["model.embed_tokens.weight"] },
    outer,
  );
  const lmHead = config.tieWordEmbeddings
    ? embedTokens
    : matrix({ label: "head", names: ["lm_head.weight"] }, outer);
  const weights: Weights = {
    formats: { embedding: embedTokens.format, matrices: [...formats] },
    embedTokens,
    layers,
    norm: vector("final norm", "model.norm.weight"),
    lmHead,
    parameterCount,
    bytes: buffers.reduce((sum, { size }) => sum + size, 0),
    buffers,
  };
  return { weights, destinations };
}
