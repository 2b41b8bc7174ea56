/**
 * The header of a GGUF file (version 2 or 3), out of its first bytes:
 *
 *     "GGUF" │ u32 version │ u64 tensors │ u64 entries
 *     entries × (string key │ u32 type │ value)
 *     tensors × (string name │ u32 n │ n × u64 size, the row's first │ u32 type │ u64 offset)
 *     padding to general.alignment │ data
 *
 * where a string is u64 bytes │ UTF-8. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { ModelFormatError } from "../util/errors";
import { tensorBytes, type TensorType } from "./checkpoint";

export type GgufValue = number | boolean | string | GgufValue[];

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufHeader {
  metadata: GgufMetadata;
  /** In file order. */
  tensors: GgufTensor[];
}

export interface GgufTensor {
  name: string;
  type: TensorType;
  /** [rows, columns], or [values]. */
  shape: number[];
  /** First byte, counted from the start of the file. */
  start: number;
  byteLength: number;
}

/** More entries, tensors or dimensions than any file has: the file is broken, and nothing is allocated for it. */
const MOST_ENTRIES = 1 << 16;
const MOST_ITEMS = 1 << 24;
const MOST_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

/** https://github.com/ggml-org/ggml/blob/master/include/ggml.h */
const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [6, "Q5_0"],
  [7, "Q5_1"],
  [8, "Q8_0"],
  [12, "Q4_K"],
  [13, "Q5_K"],
  [14, "Q6_K"],
  [30, "BF16"],
]);

/** Thrown where the bytes end before the header does. */
class EndOfBytes extends Error {}

/**
 * Undefined where the header is longer than these bytes.
 *
 * @param file for messages
 * @param fileBytes of the whole file, where known
 * @throws ModelFormatError
 */
export function parseGgufHeader(
  bytes: Uint8Array,
  file: string,
  fileBytes: number | undefined,
): GgufHeader | undefined {
  try {
    return new HeaderParser(bytes, file).parse(fileBytes ?? Infinity);
  } catch (error) {
    if (error instanceof EndOfBytes) return undefined;
    throw error;
  }
}

class HeaderParser {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #decoder = new TextDecoder();
  #at = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#file = file;
  }

  parse(fileBytes: number): GgufHeader {
    const magic = this.#decoder.decode(this.#take(4));
    if (magic !== "GGUF")
      this.#fail(
        "a file that begins with GGUF",
        `${JSON.stringify(magic)}: another format, or a page in place of the file`,
      );
    const version = this.#u32();
    if (version !== 2 && version !== 3)
      this.#fail("GGUF of version 2 or 3, little-endian", `version ${version}`);
    const tensorCount = this.#count("tensors", MOST_ENTRIES);
    const entryCount = this.#count("entries of metadata", MOST_ENTRIES);
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < entryCount; i++) {
      const key = this.#string();
      metadata.set(key, this.#value(this.#u32(), key));
    }
    const found = Array.from({ length: tensorCount }, () => this.#tensor());
    const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
    if (typeof alignment !== "number" || !(alignment >= 1))
      this.#fail("an alignment of 1 byte or more", JSON.stringify(alignment));
    const dataStart = Math.ceil(this.#at / alignment) * alignment;
    const tensors = found
      .map((tensor) => ({ ...tensor, start: dataStart + tensor.start }))
      .sort((a, b) => a.start - b.start);
    this.#expectApart(tensors, fileBytes);
    return { metadata, tensors };
  }

  #tensor(): GgufTensor {
    const name = this.#string();
    const dimensions = this.#u32();
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS)
      this.#fail("1 to 4 dimensions", `${dimensions}`, name);
    const shape = Array.from({ length: dimensions }, () => this.#u64());
    const values = shape.reduce((product, size) => product * size, 1);
    const typeNumber = this.#u32();
    const offset = this.#u64();
    const type =
      TENSOR_TYPES.get(typeNumber) ??
      this.#fail(
        `elements of type ${[...TENSOR_TYPES.values()].join(", ")}`,
        `type number ${typeNumber}: choose another quantisation of the model`,
        name,
      );
    const byteLength = tensorBytes(type, values);
    if (!Number.isInteger(tensorBytes(type, shape[0]!)))
      this.#fail(
        `rows of whole blocks of ${type}`,
        `${shape[0]!} values`,
        name,
      );
    if (!Number.isSafeInteger(byteLength) || byteLength === 0)
      this.#fail("a size that fits a file", `[${shape.join(", ")}]`, name);
    // The first size is the row's; elsewhere it stands last.
    return { name, type, shape: shape.reverse(), start: offset, byteLength };
  }

  /** Tensors lie one behind the other, within the file, each name once. */
  #expectApart(tensors: readonly GgufTensor[], fileBytes: number): void {
    const names = new Set<string>();
    let end = 0;
    for (const { name, start, byteLength } of tensors) {
      if (names.has(name))
        this.#fail("each tensor once", "the same name again", name);
      names.add(name);
      if (start < end)
        this.#fail(
          `bytes of its own, from ${end} on`,
          `a start at ${start}, inside another tensor`,
          name,
        );
      end = start + byteLength;
      if (end > fileBytes)
        this.#fail(
          `${byteLength} bytes`,
          `${Math.max(0, fileBytes - start)}, then the end of the file: the download is incomplete`,
          name,
        );
    }
  }

  #value(type: number, key: string): GgufValue {
    switch (type) {
      case 0:
        return this.#take(1)[0]!;
      case 1:
        return this.#number(1, (at) => this.#view.getInt8(at));
      case 2:
        return this.#number(2, (at) => this.#view.getUint16(at, true));
      case 3:
        return this.#number(2, (at) => this.#view.getInt16(at, true));
      case 4:
        return this.#u32();
      case 5:
        return this.#number(4, (at) => this.#view.getInt32(at, true));
      case 6:
        return this.#number(4, (at) => this.#view.getFloat32(at, true));
      case 7:
        return this.#take(1)[0] !== 0;
      case 8:
        return this.#string();
      case 9: {
        const itemType = this.#u32();
        const length = this.#count(`items of ${key}`, MOST_ITEMS);
        const items: GgufValue[] = [];
        // An array of arrays could nest without end.
        if (itemType === 9)
          this.#fail("arrays of plain values", "an array of arrays", key);
        for (let i = 0; i < length; i++) items.push(this.#value(itemType, key));
        return items;
      }
      case 10:
        return this.#number(8, (at) =>
          Number(this.#view.getBigUint64(at, true)),
        );
      case 11:
        return this.#number(8, (at) =>
          Number(this.#view.getBigInt64(at, true)),
        );
      case 12:
        return this.#number(8, (at) => this.#view.getFloat64(at, true));
      default:
        return this.#fail(
          `a value of a known type for ${key}`,
          `type number ${type}`,
        );
    }
  }

  #string(): string {
    const length = this.#count("bytes of a string", 2 ** 30);
    return this.#decoder.decode(this.#take(length));
  }

  #count(what: string, most: number): number {
    const count = this.#u64();
    if (count > most) this.#fail(`at most ${most} ${what}`, `${count}`);
    return count;
  }

  #u32(): number {
    return this.#number(4, (at) => this.#view.getUint32(at, true));
  }

  #u64(): number {
    return this.#number(8, (at) => Number(this.#view.getBigUint64(at, true)));
  }

  #number(bytes: number, read: (at: number) => number): number {
    if (this.#at + bytes > this.#bytes.length) throw new EndOfBytes();
    this.#at += bytes;
    return read(this.#at - bytes);
  }

  #take(bytes: number): Uint8Array {
    if (this.#at + bytes > this.#bytes.length) throw new EndOfBytes();
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }

  #fail(expected: string, found: string, tensor?: string): never {
    throw new ModelFormatError({
      file: this.#file,
      ...(tensor !== undefined && { tensor }),
      expected,
      found,
    });
  }
}
