/**
 * Reads the start of a GGUF file value by value. Bytes are fetched in pieces that double, so that a short header
 * takes one request and a long one a few; bytes already read are released.
 *
 * A value is read in two steps: `await need(bytes)` if `has(bytes)` says no, then a getter. In an array of a
 * hundred thousand strings nearly all are there already, and none of those costs a promise.
 */
import { ModelFormatError } from "../../util/errors";
import { missingFile, type ModelFiles } from "../files/model-files";

/** Bytes of the first request. */
const FIRST_BYTES = 64 * 1024;
/**
 * The most bytes of a later request, unless a single value is longer: limits what is fetched in vain beyond the
 * header.
 */
const PIECE_BYTES = 2 * 1024 * 1024;
/** The longest header accepted; a model with 256,000 tokens has 16 MiB. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

export class GgufCursor {
  /** Bytes of the whole file, if the server tells. */
  fileBytes: number | undefined;
  readonly file: string;
  readonly #files: ModelFiles;
  readonly #signal: AbortSignal | undefined;
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Offset of the window in the file. */
  #windowStart = 0;
  /** Offset of the next byte in the window. */
  #at = 0;
  // A byte order mark at the start of a string is part of it.
  readonly #utf8 = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });

  constructor(files: ModelFiles, file: string, signal?: AbortSignal) {
    this.#files = files;
    this.file = file;
    this.#signal = signal;
  }

  /** Offset of the next byte in the file. */
  get position(): number {
    return this.#windowStart + this.#at;
  }

  has(bytes: number): boolean {
    return this.#at + bytes <= this.#window.length;
  }

  /**
   * Fetches until so many bytes are available.
   *
   * @throws ModelFormatError if the file ends before, or the header exceeds the limit; ModelFetchError
   */
  async need(bytes: number): Promise<void> {
    if (this.has(bytes)) return;
    const most = Math.min(MAX_HEADER_BYTES, this.fileBytes ?? Infinity);
    if (this.position + bytes > most) throw this.#ending(bytes, most);

    const passed = this.#windowStart + this.#window.length;
    const missing = this.#at + bytes - this.#window.length;
    const piece = Math.max(FIRST_BYTES, Math.min(PIECE_BYTES, passed), missing);
    const end = Math.min(passed + piece, most);
    const kept = this.#window.subarray(this.#at);
    // The window grows by the bytes received: a wrong length costs no memory.
    const chunks = [kept];
    let length = kept.length;
    const opened = await this.#files.open(
      this.file,
      { start: passed, end },
      this.#signal,
    );
    if (opened === undefined) throw missingFile(this.#files, this.file);
    this.fileBytes ??= opened.fileBytes;
    for await (const chunk of opened.chunks) {
      chunks.push(chunk as Uint8Array<ArrayBuffer>);
      length += chunk.length;
    }

    this.#windowStart += this.#at;
    this.#at = 0;
    this.#window = joined(chunks, length);
    this.#view = new DataView(this.#window.buffer);
    if (this.has(bytes)) return;
    const found = this.#windowStart + length;
    // A server may send less than requested: the file ends where nothing more comes.
    if (length === kept.length) throw this.#ending(bytes, found);
    await this.need(bytes);
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#step(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#step(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#step(8), true);
  }

  /** Above 2 ** 53 the nearest number: no valid count, length or offset is that large. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#step(8), true));
  }

  i64(): number {
    return Number(this.#view.getBigInt64(this.#step(8), true));
  }

  /** @throws TypeError if the bytes are not UTF-8 */
  text(bytes: number): string {
    const start = this.#step(bytes);
    return this.#utf8.decode(this.#window.subarray(start, start + bytes));
  }

  /** UTF-8, or else Windows-1252, in which some descriptions are written. */
  looseText(bytes: number): string {
    const start = this.#at;
    try {
      return this.text(bytes);
    } catch {
      const end = start + bytes;
      return new TextDecoder("latin1").decode(
        this.#window.subarray(start, end),
      );
    }
  }

  #step(bytes: number): number {
    const start = this.#at;
    this.#at += bytes;
    return start;
  }

  #ending(bytes: number, end: number): ModelFormatError {
    const isLimit = end === MAX_HEADER_BYTES;
    return new ModelFormatError({
      file: this.file,
      expected: `${bytes} bytes of a GGUF header at byte ${this.position}`,
      found: isLimit
        ? `a header of more than ${end} bytes: the file is broken`
        : `the end of the file at byte ${end}: the download is incomplete, or the file is broken`,
    });
  }
}

function joined(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
