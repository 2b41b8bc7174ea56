/** Writes GGUF files for tests. */

const VALUE_TYPES = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
] as const;

type ValueType = Exclude<(typeof VALUE_TYPES)[number], "array">;

/** A value with its type, such as ["u32", 3], or ["string[]", ["a", "b"]]. */
export type GgufEntry =
  | readonly [ValueType, number | boolean | string | Uint8Array]
  | readonly [`${ValueType}[]`, readonly (number | boolean | string)[]];

export interface GgufTestTensor {
  name: string;
  /** [rows, columns], or [values]. */
  shape: readonly number[];
  typeId: number;
  bytes: Uint8Array;
  /** In place of the one where its bytes are. */
  offset?: number;
}

export interface GgufContents {
  version?: number;
  metadata?: readonly (readonly [key: string, entry: GgufEntry])[];
  tensors?: readonly GgufTestTensor[];
  /** Where tensors start; the metadata says so too unless it is 32. */
  alignment?: number;
}

export function ggufFile(contents: GgufContents): Uint8Array<ArrayBuffer> {
  const { version = 3, tensors = [], alignment = 32 } = contents;
  const named: GgufContents["metadata"] =
    alignment === 32 ? [] : [["general.alignment", ["u32", alignment]]];
  const metadata = [...named, ...(contents.metadata ?? [])];

  const out = new Bytes();
  out.raw(new TextEncoder().encode("GGUF"));
  out.value("u32", version);
  out.value("u64", tensors.length);
  out.value("u64", metadata.length);
  for (const [key, entry] of metadata) {
    out.value("string", key);
    out.entry(entry);
  }
  let offset = 0;
  for (const tensor of tensors) {
    out.value("string", tensor.name);
    out.value("u32", tensor.shape.length);
    for (const size of tensor.shape.toReversed()) out.value("u64", size);
    out.value("u32", tensor.typeId);
    out.value("u64", tensor.offset ?? offset);
    offset += Math.ceil(tensor.bytes.length / alignment) * alignment;
  }
  for (const { bytes } of tensors) {
    out.pad(alignment);
    out.raw(bytes);
  }
  return out.all();
}

class Bytes {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  raw(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  pad(alignment: number): void {
    this.raw(
      new Uint8Array((alignment - (this.length % alignment)) % alignment),
    );
  }

  entry([type, value]: GgufEntry): void {
    if (Array.isArray(value)) {
      const element = type.slice(0, -2) as ValueType;
      this.value("u32", VALUE_TYPES.indexOf("array"));
      this.value("u32", VALUE_TYPES.indexOf(element));
      this.value("u64", value.length);
      for (const each of value as string[]) this.value(element, each);
    } else {
      this.value("u32", VALUE_TYPES.indexOf(type as ValueType));
      this.value(type as ValueType, value as string);
    }
  }

  value(type: ValueType, value: number | boolean | string | Uint8Array): void {
    if (type === "string") {
      const isText = !(value instanceof Uint8Array);
      const bytes = isText ? new TextEncoder().encode(String(value)) : value;
      this.value("u64", bytes.length);
      this.raw(bytes);
      return;
    }
    const sizes = { "8": 1, "16": 2, "32": 4, "64": 8 };
    const bits = type === "bool" ? "8" : (type.slice(1) as keyof typeof sizes);
    const bytes = new Uint8Array(sizes[bits]);
    const view = new DataView(bytes.buffer);
    const number = Number(value);
    const setters = {
      u8: () => view.setUint8(0, number),
      i8: () => view.setInt8(0, number),
      u16: () => view.setUint16(0, number, true),
      i16: () => view.setInt16(0, number, true),
      u32: () => view.setUint32(0, number, true),
      i32: () => view.setInt32(0, number, true),
      f32: () => view.setFloat32(0, number, true),
      bool: () => view.setUint8(0, number),
      u64: () => view.setBigUint64(0, BigInt(number), true),
      i64: () => view.setBigInt64(0, BigInt(number), true),
      f64: () => view.setFloat64(0, number, true),
    };
    setters[type]();
    this.raw(bytes);
  }

  all(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}
