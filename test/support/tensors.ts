/** Tensors in memory, and as the checkpoint that a model is loaded from. */
import type {
  BlockType,
  Checkpoint,
  TensorInfo,
  TensorRows,
  FloatType,
} from "../../src/model/checkpoint/checkpoint";

export interface Tensor {
  type: FloatType;
  /** [rows, columns], or [values]. */
  shape: number[];
  /** What the tensor's bytes mean; of type BF16 or F16, see `rounded`. */
  values: Float32Array;
  /** The same in a quantised file. */
  blocks?: { type: BlockType; bytes: Uint8Array };
}

/** Tensors by name, in the order in which they lie in the file. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** The tensors as a checkpoint, read in pieces of whole rows. */
export function memoryCheckpoint(
  tensors: Tensors,
  { file = "memory.safetensors", pieceBytes = 4 * 2 ** 20 } = {},
): Checkpoint {
  const infos = new Map<string, TensorInfo>();
  let totalBytes = 0;
  for (const [name, { type: floatType, shape, values, blocks }] of tensors) {
    const type = blocks?.type ?? floatType;
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== values.length) {
      throw new Error(
        `${name}: ${values.length} values, shape is ${shape.join(" × ")}`,
      );
    }
    const byteLength = blocks?.bytes.length ?? count * elementBytes(floatType);
    infos.set(name, { name, file, type, shape, byteLength });
    totalBytes += byteLength;
  }

  return {
    tensors: infos,
    totalBytes,
    async *read(signal?: AbortSignal): AsyncIterable<TensorRows> {
      for (const tensor of infos.values()) {
        const { type, values, blocks } = tensors.get(tensor.name)!;
        const isMatrix = tensor.shape.length > 1;
        const rows = isMatrix ? tensor.shape[0]! : 1;
        const columns = values.length / rows;
        const rowBytes = tensor.byteLength / rows;
        const step = Math.max(1, Math.floor(pieceBytes / rowBytes));
        for (let firstRow = 0; firstRow < rows; firstRow += step) {
          signal?.throwIfAborted();
          const end = Math.min(rows, firstRow + step);
          const piece = values.subarray(firstRow * columns, end * columns);
          const bytes =
            blocks?.bytes.slice(firstRow * rowBytes, end * rowBytes) ??
            encode(type, piece);
          yield { tensor, firstRow, bytes };
        }
      }
    },
  };
}

function elementBytes(type: FloatType): number {
  return type === "F32" ? 4 : 2;
}

/** The values that are left after a tensor of this type has stored them. */
export function rounded(type: FloatType, values: Float32Array): Float32Array {
  return type === "F32" ? values : decode(type, encode(type, values));
}

/** Little-endian bytes of the values. */
export function encode(type: FloatType, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * elementBytes(type));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    if (type === "F32") view.setFloat32(4 * i, values[i]!, true);
    else if (type === "BF16") view.setUint16(2 * i, bf16Bits(values[i]!), true);
    else view.setUint16(2 * i, f16Bits(values[i]!), true);
  }
  return bytes;
}

/** The values of little-endian bytes. */
export function decode(type: FloatType, bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(bytes.byteLength / elementBytes(type));
  for (let i = 0; i < values.length; i++) {
    if (type === "F32") values[i] = view.getFloat32(4 * i, true);
    else if (type === "BF16")
      values[i] = bf16Value(view.getUint16(2 * i, true));
    else values[i] = f16Value(view.getUint16(2 * i, true));
  }
  return values;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** bfloat16 next to a float32, ties to even. */
export function bf16Bits(value: number): number {
  float[0] = value;
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16;
}

export function bf16Value(bf16: number): number {
  bits[0] = bf16 << 16;
  return float[0]!;
}

/** Half precision next to a float32, ties to even; infinite from 65520 on. */
export function f16Bits(value: number): number {
  float[0] = value;
  if (Number.isNaN(value)) return 0x7e00;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const size = Math.abs(float[0]);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  // Ten of the 23 fraction bits stay; a carry runs into the exponent, as it should.
  const kept = (bits[0]! & 0x7fffffff) - ((127 - 15) << 23);
  return sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13);
}

export function f16Value(f16: number): number {
  const sign = f16 & 0x8000 ? -1 : 1;
  const exponent = (f16 >>> 10) & 31;
  const fraction = f16 & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
