/**
 * The header of a GGUF file: the model's metadata, and where its tensors are.
 *
 *     "GGUF" │ u32 version │ u64 tensors │ u64 entries │ entries │ tensors │ padding │ data
 *     entry    string key │ u32 type │ value
 *     array    u32 type of the elements │ u64 count │ elements
 *     string   u64 bytes │ UTF-8
 *     tensor   string name │ u32 dimensions │ u64 sizes, the row's length first │ u32 type │ u64 offset
 *
 * All numbers are little-endian; offsets count from the start of the data, and are multiples of
 * general.alignment. Files may come from strangers: no count is trusted before as many bytes have arrived.
 */
import { ModelFormatError } from "../../util/errors";
import { GgufCursor, MAX_HEADER_BYTES } from "./cursor";
import type { ModelFiles } from "../files/model-files";

type GgufScalar = number | boolean | string;
export type GgufValue = GgufScalar | readonly GgufScalar[];

/** A tensor as listed in the header; only the tensors that a model needs are checked further. */
export interface GgufTensor {
  /** [rows, columns], or [values]: the reverse of the order in the file. */
  shape: number[];
  /** The number of its element type. */
  typeId: number;
  /** Offset of the first byte from the start of the file. */
  start: number;
  /** The file it lies in, if not the header's own. */
  part?: Pick<GgufHeader, "file" | "fileBytes">;
}

export interface GgufHeader {
  file: string;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, GgufTensor>;
  /** Bytes of the whole file, if the server tells. */
  fileBytes: number | undefined;
}

interface ValueType {
  name: string;
  /** Size of one, or the smallest size. */
  bytes: number;
  read: (cursor: GgufCursor) => GgufScalar | Promise<GgufScalar>;
}

/** By their number. */
const VALUE_TYPES: readonly ValueType[] = [
  { name: "u8", bytes: 1, read: (cursor) => cursor.u8() },
  { name: "i8", bytes: 1, read: (cursor) => cursor.i8() },
  { name: "u16", bytes: 2, read: (cursor) => cursor.u16() },
  { name: "i16", bytes: 2, read: (cursor) => cursor.i16() },
  { name: "u32", bytes: 4, read: (cursor) => cursor.u32() },
  { name: "i32", bytes: 4, read: (cursor) => cursor.i32() },
  { name: "f32", bytes: 4, read: (cursor) => cursor.f32() },
  { name: "bool", bytes: 1, read: (cursor) => cursor.u8() !== 0 },
  { name: "string", bytes: 8, read: readString },
  { name: "array", bytes: 12, read: refuseNested },
  { name: "u64", bytes: 8, read: (cursor) => cursor.u64() },
  { name: "i64", bytes: 8, read: (cursor) => cursor.i64() },
  { name: "f64", bytes: 8, read: (cursor) => cursor.f64() },
];
const ARRAY = 9;

/** Sizes of the shortest entry and the shortest tensor: an empty name, and one byte or one dimension. */
const ENTRY_BYTES = 8 + 4 + 1;
const TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

const MAX_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads the header and not much more: at most as many bytes again, and at most 2 MiB.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function readGgufHeader(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<GgufHeader> {
  const cursor = new GgufCursor(files, file, signal);
  await readMagic(cursor);
  await cursor.need(16);
  const tensorCount = believable(cursor, cursor.u64(), TENSOR_BYTES, "tensors");
  const entryCount = believable(cursor, cursor.u64(), ENTRY_BYTES, "entries");

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entryCount; i++) {
    const key = await readName(cursor);
    if (metadata.has(key)) fail(file, "each key once", `${key} twice`);
    metadata.set(key, await readValue(cursor, key));
  }

  const tensors = new Map<string, GgufTensor>();
  for (let i = 0; i < tensorCount; i++) {
    const name = await readName(cursor);
    if (tensors.has(name)) fail(file, "each tensor once", `${name} twice`);
    tensors.set(name, await readTensor(cursor, name));
  }
  placeTensors(tensors, file, metadata, cursor.position);
  return { file, metadata, tensors, fileBytes: cursor.fileBytes };
}

async function readMagic(cursor: GgufCursor): Promise<void> {
  const { file } = cursor;
  await cursor.need(8);
  const magic = Array.from({ length: 4 }, () => cursor.u8());
  const text = String.fromCharCode(...magic);
  if (text !== "GGUF") {
    const shown = /^[\x20-\x7e]+$/.test(text)
      ? `"${text}"`
      : `bytes ${magic.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
    fail(file, 'a GGUF file, which starts with "GGUF"', shown);
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return;
  // The version is in the file's own byte order, unlike the magic.
  const isSwapped = version > 0 && (version & 0xffff) === 0;
  fail(
    file,
    "GGUF of version 2 or 3 in little-endian order",
    isSwapped ? "a big-endian file" : `version ${version}`,
  );
}

async function readName(cursor: GgufCursor): Promise<string> {
  if (!cursor.has(8)) await cursor.need(8);
  return readString(cursor);
}

/** The string whose length has been read. */
function readString(cursor: GgufCursor): string | Promise<string> {
  const length = believable(cursor, cursor.u64(), 1, "bytes of a string");
  if (cursor.has(length)) return decoded(cursor, length);
  return cursor.need(length).then(() => decoded(cursor, length));
}

function decoded(cursor: GgufCursor, length: number): string {
  const start = cursor.position;
  try {
    return cursor.text(length);
  } catch {
    return fail(
      cursor.file,
      "UTF-8 text",
      `invalid bytes from ${start} to ${start + length}`,
    );
  }
}

async function readValue(cursor: GgufCursor, key: string): Promise<GgufValue> {
  await cursor.need(4);
  const typeId = cursor.u32();
  if (typeId === ARRAY) return readArray(cursor, key);
  const type = valueType(cursor, typeId, key);
  await cursor.need(type.bytes);
  if (type.name === "string" && key.startsWith("general."))
    return readDescription(cursor);
  return type.read(cursor);
}

/** A text about the model, which nothing is computed with: its encoding should refuse no model. */
async function readDescription(cursor: GgufCursor): Promise<string> {
  const length = believable(cursor, cursor.u64(), 1, "bytes of a string");
  await cursor.need(length);
  return cursor.looseText(length);
}

async function readArray(
  cursor: GgufCursor,
  key: string,
): Promise<GgufScalar[]> {
  await cursor.need(12);
  const type = valueType(cursor, cursor.u32(), key);
  const what = `elements in ${key}`;
  const count = believable(cursor, cursor.u64(), type.bytes, what);
  const values: GgufScalar[] = [];
  for (let i = 0; i < count; i++) {
    if (!cursor.has(type.bytes)) await cursor.need(type.bytes);
    const value = type.read(cursor);
    values.push(value instanceof Promise ? await value : value);
  }
  return values;
}

function refuseNested(cursor: GgufCursor): never {
  return fail(cursor.file, "arrays of single values", "an array of arrays");
}

function valueType(cursor: GgufCursor, id: number, key: string): ValueType {
  const type = VALUE_TYPES[id];
  if (type !== undefined) return type;
  const known = VALUE_TYPES.map(({ name }, i) => `${i} (${name})`).join(", ");
  return fail(cursor.file, `${key}: a value of type ${known}`, `type ${id}`);
}

/** A count of items of a minimum size, if they fit before the header's end. */
function believable(
  cursor: GgufCursor,
  count: number,
  bytes: number,
  what: string,
): number {
  const end = Math.min(MAX_HEADER_BYTES, cursor.fileBytes ?? Infinity);
  const most = Math.max(0, Math.floor((end - cursor.position) / bytes));
  if (count <= most) return count;
  return fail(
    cursor.file,
    `at most ${most} ${what} at byte ${cursor.position}, by the file's size`,
    `${count}: the download is incomplete, or the file is broken`,
  );
}

/** A tensor whose offset still counts from the start of the data. */
async function readTensor(
  cursor: GgufCursor,
  name: string,
): Promise<GgufTensor> {
  await cursor.need(4);
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    fail(cursor.file, `1 to ${MAX_DIMENSIONS} dimensions`, dimensions, name);
  }
  await cursor.need(dimensions * 8 + 12);
  const shape = Array.from({ length: dimensions }, () =>
    cursor.u64(),
  ).reverse();
  const values = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(values)) {
    const found = `${shape.join(" × ")} values`;
    fail(cursor.file, "a tensor that fits into a file", found, name);
  }
  return { shape, typeId: cursor.u32(), start: cursor.u64() };
}

/** Makes the tensors' offsets count from the start of the file; `headerEnd` is where the padding begins. */
function placeTensors(
  tensors: ReadonlyMap<string, GgufTensor>,
  file: string,
  metadata: ReadonlyMap<string, GgufValue>,
  headerEnd: number,
): void {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isPowerOfTwo =
    typeof alignment === "number" && Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo || alignment < 1 || alignment > MAX_HEADER_BYTES) {
    fail(file, "general.alignment: a power of 2", String(alignment));
  }
  const dataStart = Math.ceil(headerEnd / alignment) * alignment;
  for (const [name, tensor] of tensors) {
    const { start: offset } = tensor;
    if (offset % alignment !== 0 || !Number.isSafeInteger(offset)) {
      fail(file, `an offset that is a multiple of ${alignment}`, offset, name);
    }
    tensor.start += dataStart;
  }
}

function fail(
  file: string,
  expected: string,
  found: string | number,
  tensor?: string,
): never {
  throw new ModelFormatError({
    file,
    ...(tensor !== undefined && { tensor }),
    expected,
    found: String(found),
  });
}
