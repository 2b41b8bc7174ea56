/**
 * Models in one GGUF file: configuration, tokenizer and template from its metadata, weights streamed. Its
 * folder may have a tokenizer.json and the like of its own, which count more.
 */
import { ModelFormatError } from "../util/errors";
import { ByteReader } from "./byte-reader";
import type { Checkpoint, TensorInfo, TensorRows } from "./checkpoint";
import { tensorBytes } from "./checkpoint";
import { ggufConfig } from "./gguf-config";
import {
  type GgufHeader,
  type GgufTensor,
  parseGgufHeader,
} from "./gguf-header";
import { checkpointName } from "./gguf-names";
import { type GgufTokenizer, ggufTokenizer } from "./gguf-tokenizer";
import { missingFile, type ModelFiles } from "./model-files";

export interface Gguf {
  /** The folder with what the file's metadata says in the place of files that it lacks. */
  files: ModelFiles;
  /**
   * The tensors of these names and shapes; others are ignored.
   *
   * @throws ModelFormatError for a tensor that is missing or of another shape
   */
  checkpoint(expected: ReadonlyMap<string, readonly number[]>): Checkpoint;
}

/** The first request; each one more asks for as much again as there is. */
const FIRST_BYTES = 1 << 20;
/** Vocabularies of a quarter of a million tokens take 16 MiB. */
const MOST_BYTES = 128 << 20;
/** The most bytes that a piece of several rows has. */
const PIECE_BYTES = 4 << 20;

/** @throws ModelFormatError, ModelFetchError; the signal's reason */
export async function openGguf(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<Gguf> {
  const header = await readHeader(files, file, signal);
  const factors = await readFloats(
    files,
    file,
    header,
    "rope_freqs.weight",
    signal,
  );
  const config = ggufConfig(header, file, factors);
  let tokenizer: GgufTokenizer | undefined;
  /** What stands in the place of a file that the folder lacks. */
  const made = (name: string): object | undefined => {
    if (!/^(tokenizer|tokenizer_config|generation_config)\.json$/.test(name))
      return undefined;
    tokenizer ??= ggufTokenizer(header.metadata, file);
    if (name === "tokenizer.json") return tokenizer.tokenizer;
    if (name === "tokenizer_config.json") return tokenizer.config;
    return { eos_token_id: tokenizer.eosTokenIds };
  };
  return {
    files: {
      name: files.name,
      gguf: file,
      async text(name, signal) {
        // The file's own shapes are the truth about its tensors.
        if (name === "config.json") return JSON.stringify(config);
        const text = await files.text(name, signal);
        if (text !== undefined) return text;
        const json = made(name);
        return json && JSON.stringify(json);
      },
      open: (name, range, signal) => files.open(name, range, signal),
    },
    checkpoint: (expected) => new GgufCheckpoint(files, file, header, expected),
  };
}

/** @throws ModelFormatError, ModelFetchError */
async function readHeader(
  files: ModelFiles,
  file: string,
  signal: AbortSignal | undefined,
): Promise<GgufHeader> {
  let bytes = new Uint8Array(0);
  for (let end = FIRST_BYTES; ; end *= 2) {
    const opened = await files.open(file, { start: bytes.length, end }, signal);
    if (opened === undefined) throw missingFile(files, file);
    const more = new Uint8Array(end);
    more.set(bytes);
    const reader = new ByteReader(opened.chunks);
    const found = await reader.read(more.subarray(bytes.length));
    await reader.close();
    bytes = more.subarray(0, bytes.length + found);
    const header = parseGgufHeader(bytes, file, opened.fileBytes);
    if (header) return header;
    const isWhole = bytes.length < end;
    if (isWhole || end >= MOST_BYTES)
      throw new ModelFormatError({
        file,
        expected: isWhole
          ? "a whole header"
          : `a header of at most ${MOST_BYTES} bytes`,
        found: `${bytes.length} bytes of one, ${isWhole ? "then the end of the file: the download is incomplete" : "and more"}`,
      });
  }
}

/** The values of a small F32 tensor; undefined where there is none. */
async function readFloats(
  files: ModelFiles,
  file: string,
  { tensors }: GgufHeader,
  name: string,
  signal: AbortSignal | undefined,
): Promise<number[] | undefined> {
  const tensor = tensors.find((one) => one.name === name);
  if (tensor?.type !== "F32") return undefined;
  const { start, byteLength } = tensor;
  const opened = await files.open(
    file,
    { start, end: start + byteLength },
    signal,
  );
  if (opened === undefined) throw missingFile(files, file);
  const bytes = new Uint8Array(byteLength);
  await new ByteReader(opened.chunks).read(bytes);
  return [...new Float32Array(bytes.buffer)];
}

interface Stored {
  tensor: GgufTensor;
  info: TensorInfo;
  /** Rows that change places with each other: those of a head. 1: the rows are as they should be. */
  headRows: number;
}

class GgufCheckpoint implements Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly totalBytes: number;
  readonly #files: ModelFiles;
  readonly #file: string;
  readonly #stored: readonly Stored[];

  constructor(
    files: ModelFiles,
    file: string,
    header: GgufHeader,
    expected: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#files = files;
    this.#file = file;
    this.#stored = header.tensors.flatMap((tensor) => {
      const name = checkpointName(tensor.name);
      const shape = name === undefined ? undefined : expected.get(name);
      if (name === undefined || shape === undefined) return [];
      const { type, byteLength } = tensor;
      if (shape.join() !== tensor.shape.join())
        throw new ModelFormatError({
          file,
          tensor: tensor.name,
          expected: `shape [${shape.join(", ")}]`,
          found: `[${tensor.shape.join(", ")}]`,
        });
      const info = { name, file, type, shape: [...shape], byteLength };
      return [{ tensor, info, headRows: pairedRows(header, tensor) }];
    });
    this.tensors = new Map(this.#stored.map(({ info }) => [info.name, info]));
    for (const [name, shape] of expected) {
      if (this.tensors.has(name)) continue;
      throw new ModelFormatError({
        file,
        tensor: name,
        expected: `shape [${shape.join(", ")}]`,
        found: "no tensor of that name",
      });
    }
    this.totalBytes = this.#stored.reduce(
      (sum, { info }) => sum + info.byteLength,
      0,
    );
  }

  async *read(signal?: AbortSignal): AsyncGenerator<TensorRows> {
    const [first] = this.#stored;
    const last = this.#stored.at(-1);
    if (!first || !last) return;
    const { start } = first.tensor;
    const end = last.tensor.start + last.tensor.byteLength;
    const opened = await this.#files.open(this.#file, { start, end }, signal);
    if (opened === undefined) throw missingFile(this.#files, this.#file);
    const reader = new ByteReader(opened.chunks);
    try {
      for (const stored of this.#stored) {
        await reader.skip(stored.tensor.start - start - reader.position);
        yield* readRows(reader, stored, signal);
      }
    } finally {
      await reader.close();
    }
  }
}

/** The tensor at the reader's position, in pieces of whole rows; of whole heads where their rows change places. */
async function* readRows(
  reader: ByteReader,
  { info, headRows }: Stored,
  signal: AbortSignal | undefined,
): AsyncGenerator<TensorRows> {
  const isMatrix = info.shape.length > 1;
  // A bias is rows of one value.
  const rows = isMatrix || headRows > 1 ? info.shape[0]! : 1;
  const rowBytes = tensorBytes(
    info.type,
    isMatrix ? info.shape[1]! : info.shape[0]! / rows,
  );
  const fitting = Math.max(1, Math.floor(PIECE_BYTES / rowBytes / headRows));
  const pieceRows = isMatrix ? fitting * headRows : rows;
  for (let firstRow = 0; firstRow < rows; firstRow += pieceRows) {
    signal?.throwIfAborted();
    const byteLength = Math.min(pieceRows, rows - firstRow) * rowBytes;
    const buffer = new ArrayBuffer(Math.ceil(byteLength / 4) * 4);
    const bytes = new Uint8Array(buffer, 0, byteLength);
    const found = await reader.read(bytes);
    if (found < byteLength)
      throw new ModelFormatError({
        file: info.file,
        tensor: info.name,
        expected: `${info.byteLength} bytes`,
        found: `${firstRow * rowBytes + found}, then the end of the file: the download is incomplete`,
      });
    if (headRows > 1) halvesFromPairs(bytes, rowBytes, headRows);
    yield { tensor: info, firstRow, bytes };
  }
}

/**
 * llama.cpp rotates neighbouring values of a llama's heads, Hugging Face's layout the two halves of a head:
 * rows of Q and K are stored in the order of pairs. Of other architectures they are as elsewhere.
 */
function pairedRows(
  { metadata }: GgufHeader,
  { name, shape }: GgufTensor,
): number {
  if (metadata.get("general.architecture") !== "llama") return 1;
  const isKey = /^blk\.\d+\.attn_k\./.test(name);
  if (!isKey && !/^blk\.\d+\.attn_q\./.test(name)) return 1;
  const heads = Number(metadata.get("llama.attention.head_count"));
  const keyHeads = Number(
    metadata.get("llama.attention.head_count_kv") ?? heads,
  );
  const headRows = shape[0]! / (isKey ? keyHeads : heads);
  return Number.isInteger(headRows / 2) ? headRows : 1;
}

/** Rows 0, 1, 2, … of each head become 0, d/2, 1, d/2 + 1, …: the first of each pair go to the first half. */
function halvesFromPairs(
  bytes: Uint8Array,
  rowBytes: number,
  headRows: number,
): void {
  const headBytes = headRows * rowBytes;
  for (let head = 0; head < bytes.length; head += headBytes) {
    const pairs = bytes.slice(head, head + headBytes);
    for (let row = 0; row < headRows; row++) {
      const to = (row >> 1) + (row % 2) * (headRows / 2);
      bytes.set(
        pairs.subarray(row * rowBytes, (row + 1) * rowBytes),
        head + to * rowBytes,
      );
    }
  }
}
