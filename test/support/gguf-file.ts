/** Writes GGUF files for tests. */
import type { TensorType } from "../../src/model/checkpoint";

/** What a value of metadata is written as; "…[]" is an array of such. */
export type MetadataType =
  "u8" | "u32" | "i32" | "u64" | "f32" | "bool" | "string";

export type MetadataValue = number | boolean | string;

export type Metadata = Record<
  string,
  | [MetadataType, MetadataValue]
  | [`${MetadataType}[]`, readonly MetadataValue[]]
>;

export interface GgufTensorData {
  type: TensorType;
  /** [rows, columns], or [values]. */
  shape: readonly number[];
  bytes: Uint8Array;
}

const VALUE_TYPES: Record<MetadataType, number> = {
  u8: 0,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  u64: 10,
};

const TENSOR_TYPES: Record<TensorType, number> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
};

const ALIGNMENT = 32;

/** The header, padded to where the data begins. */
function ggufHeader(
  metadata: Metadata,
  tensors: Record<
    string,
    Omit<GgufTensorData, "bytes"> & { byteLength: number }
  >,
): Uint8Array {
  const out = new Writer();
  out.raw(new TextEncoder().encode("GGUF"));
  out.u32(3);
  out.u64(Object.keys(tensors).length);
  out.u64(Object.keys(metadata).length);
  for (const [key, [type, value]] of Object.entries(metadata)) {
    out.string(key);
    const [, item, isArray] = /^(\w+)(\[\])?$/.exec(type)!;
    if (isArray) {
      const items = value as readonly MetadataValue[];
      out.u32(9);
      out.u32(VALUE_TYPES[item as MetadataType]);
      out.u64(items.length);
      for (const one of items) out.value(item as MetadataType, one);
    } else {
      out.u32(VALUE_TYPES[item as MetadataType]);
      out.value(item as MetadataType, value as MetadataValue);
    }
  }
  let offset = 0;
  for (const [name, { type, shape, byteLength }] of Object.entries(tensors)) {
    out.string(name);
    out.u32(shape.length);
    for (const size of shape.toReversed()) out.u64(size);
    out.u32(TENSOR_TYPES[type]);
    out.u64(offset);
    offset += aligned(byteLength);
  }
  out.raw(new Uint8Array(aligned(out.length) - out.length));
  return out.bytes();
}

/** A whole file, its tensors in this order. */
export function ggufFile(
  metadata: Metadata,
  tensors: Record<string, GgufTensorData>,
): Uint8Array<ArrayBuffer> {
  const header = ggufHeader(
    metadata,
    Object.fromEntries(
      Object.entries(tensors).map(([name, { bytes, ...rest }]) => [
        name,
        { ...rest, byteLength: bytes.length },
      ]),
    ),
  );
  const out = new Writer();
  out.raw(header);
  for (const { bytes } of Object.values(tensors)) {
    out.raw(bytes);
    out.raw(new Uint8Array(aligned(bytes.length) - bytes.length));
  }
  return out.bytes();
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

class Writer {
  length = 0;
  readonly #parts: Uint8Array[] = [];

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  value(type: MetadataType, value: MetadataValue): void {
    const number = Number(value);
    if (type === "string") this.string(String(value));
    else if (type === "u32") this.u32(number);
    else if (type === "u64") this.u64(number);
    else if (type === "i32")
      this.#number(4, (view) => view.setInt32(0, number, true));
    else if (type === "f32")
      this.#number(4, (view) => view.setFloat32(0, number, true));
    else this.raw(Uint8Array.of(number));
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #number(bytes: number, set: (view: DataView) => void): void {
    const part = new Uint8Array(bytes);
    set(new DataView(part.buffer));
    this.raw(part);
  }
}
