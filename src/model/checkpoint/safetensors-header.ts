/**
 * The header of one safetensors file, checked against the tensors that the model expects. A file is
 *
 *     u64 header bytes n │ n bytes of JSON │ data
 *     { "name": { "dtype": "BF16", "shape": [r, c], "data_offsets": [from, to] }, … }
 *
 * where offsets count from the start of the data.
 */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import { ByteReader } from "./byte-reader";
import { checked } from "../files/check-json";
import { type FloatType, tensorBytes } from "./checkpoint";
import { missingFile, type ModelFiles } from "../files/model-files";
import { expectApart, type StoredTensor } from "./stored-tensors";

interface FileStart {
  bytes: Uint8Array;
  /** Bytes of the whole file, if known. */
  fileBytes: number | undefined;
}

/** Headers up to this length come with the first request. */
const FIRST_BYTES = 64 * 1024;
const TYPES: readonly FloatType[] = ["F32", "F16", "BF16"];
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

const tensorFields = v.object({
  dtype: v.string(),
  shape: v.array(
    v.pipe(v.number(), v.integer("a whole number"), v.minValue(0)),
  ),
  data_offsets: v.strictTuple([v.number(), v.number()]),
});

/**
 * The expected tensors of `file`, in file order; others are left out. Undefined if there is no such file.
 *
 * @param expected shapes by name
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function readSafetensorsHeader(
  files: ModelFiles,
  file: string,
  expected: ReadonlyMap<string, readonly number[]>,
  signal?: AbortSignal,
): Promise<StoredTensor[] | undefined> {
  const first = await readBytes(files, file, 0, FIRST_BYTES, signal);
  if (first === undefined) return undefined;
  const headerBytes = headerLength(file, first);
  const dataStart = 8 + headerBytes;

  let json = first.bytes.subarray(8, dataStart);
  if (json.length < headerBytes) {
    const rest = await readBytes(
      files,
      file,
      8 + json.length,
      dataStart,
      signal,
    );
    if (rest === undefined) throw missingFile(files, file);
    const both = new Uint8Array(json.length + rest.bytes.length);
    both.set(json);
    both.set(rest.bytes, json.length);
    json = both;
  }
  if (json.length < headerBytes) {
    throw new ModelFormatError({
      file,
      expected: `a header of ${headerBytes} bytes`,
      found: `${json.length} bytes, then the end of the file`,
    });
  }

  const entries = parsedHeader(file, json);
  const tensors: StoredTensor[] = [];
  for (const [name, shape] of expected) {
    const entry = entries.get(name);
    if (entry === undefined) continue;
    tensors.push(
      readTensor(file, name, entry, shape, dataStart, first.fileBytes),
    );
  }
  tensors.sort((a, b) => a.start - b.start);
  expectApart(tensors);
  return tensors;
}

function headerLength(file: string, first: FileStart): number {
  const { bytes, fileBytes } = first;
  if (bytes.length < 8) {
    throw new ModelFormatError({
      file,
      expected: "8 bytes with the header's length",
      found: `a file of ${bytes.length} bytes`,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const headerBytes = Number(view.getBigUint64(0, true));
  const most = Math.min(MAX_HEADER_BYTES, (fileBytes ?? Infinity) - 8);
  if (headerBytes < 2 || headerBytes > most) {
    throw new ModelFormatError({
      file,
      expected: `a safetensors header of 2 to ${most} bytes`,
      found: `a length of ${headerBytes}: another format, or a broken download`,
    });
  }
  return headerBytes;
}

function parsedHeader(file: string, bytes: Uint8Array): Map<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelFormatError({
      file,
      expected: "a header in JSON",
      found: `invalid JSON (${(error as Error).message})`,
    });
  }
  return new Map(Object.entries(checked(v.looseObject({}), json, file)));
}

/** Checks one entry of the header. */
function readTensor(
  file: string,
  name: string,
  entry: unknown,
  expectedShape: readonly number[],
  dataStart: number,
  fileBytes: number | undefined,
): StoredTensor {
  const { dtype, shape, data_offsets } = checked(
    tensorFields,
    entry,
    `${file}, tensor ${name}`,
  );
  const fail = (expected: string, found: string): never => {
    throw new ModelFormatError({ file, tensor: name, expected, found });
  };

  const type =
    TYPES.find((known) => known === dtype) ??
    fail(`elements of type ${TYPES.join(", ")}`, dtype);
  if (shape.join() !== expectedShape.join()) {
    fail(`shape [${expectedShape.join(", ")}]`, `[${shape.join(", ")}]`);
  }
  const byteLength = tensorBytes(
    type,
    shape.reduce((product, n) => product * n, 1),
  );
  const [from, to] = data_offsets;
  if (!Number.isSafeInteger(from) || from < 0 || to - from !== byteLength) {
    fail(
      `${byteLength} bytes for shape [${shape.join(", ")}] of ${type}`,
      `bytes ${from} to ${to}`,
    );
  }
  if (fileBytes !== undefined && dataStart + to > fileBytes) {
    const found = Math.max(0, fileBytes - dataStart - from);
    fail(
      `${byteLength} bytes`,
      `${found}, then the end of the file: the download is incomplete`,
    );
  }
  return {
    info: { name, file, type, shape: [...shape], byteLength },
    start: dataStart + from,
  };
}

/** Bytes [start, end) of a file, fewer if it ends early; undefined if there is no such file. */
async function readBytes(
  files: ModelFiles,
  file: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<FileStart | undefined> {
  const opened = await files.open(file, { start, end }, signal);
  if (opened === undefined) return undefined;
  const reader = new ByteReader(opened.chunks);
  try {
    const bytes = new Uint8Array(end - start);
    const length = await reader.read(bytes);
    return { bytes: bytes.subarray(0, length), fileBytes: opened.fileBytes };
  } finally {
    await reader.close();
  }
}
