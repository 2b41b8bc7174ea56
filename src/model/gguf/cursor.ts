/**
 * Walks over the start of a GGUF file value by value. Bytes come in pieces that double, so that a
 * short header takes one request and a long one a few, and what has been passed is let go.
 *
 * A value is read in two steps: `await need(bytes)` where `has(bytes)` says no, then a getter. In an
 * array of a hundred thousand strings nearly all of them are there already, and none costs a promise.
 */
import { ModelFormatError } from "../../util/errors";
import { missingFile, type ModelFiles } from "../files/model-files";

/** Bytes of the first request. */
const FIRST_BYTES = 64 * 1024;
/** Of a later one, at most, unless a single value is longer: what is read in vain behind the header's end. */
const PIECE_BYTES = 2 * 1024 * 1024;
/** The longest header; that of a model with 256,000 tokens has 16 MiB. */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

export class GgufCursor {
  /** Bytes of the whole file, where the server tells. */
  fileBytes: number | undefined;
  readonly file: string;
  readonly #files: ModelFiles;
  readonly #signal: AbortSignal | undefined;
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Where the window starts in the file. */
  #windowStart = 0;
  /** The next byte, counted in the window. */
  #at = 0;
  // A byte order mark at a string's start is a part of it.
  readonly #utf8 = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });

  constructor(files: ModelFiles, file: string, signal?: AbortSignal) {
    this.#files = files;
    this.file = file;
    this.#signal = signal;
  }

  /** The next byte, counted from the start of the file. */
  get position(): number {
    return this.#windowStart + this.#at;
  }

  has(bytes: number): boolean {
    return this.#at + bytes <= this.#window.length;
  }

  /**
   * Fetches until so many bytes are there.
   *
   * @throws ModelFormatError where the file ends before, or a header cannot be as long; ModelFetchError
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
    // Grown by what really comes: a length that lies costs no memory.
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
    // A server may send less than was asked for: the file's end is where nothing more comes.
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

  /** Above 2 ** 53 the nearest number: no count, length or offset is as large. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#step(8), true));
  }

  i64(): number {
    return Number(this.#view.getBigInt64(this.#step(8), true));
  }

  /** @throws TypeError where the bytes are no UTF-8 */
  text(bytes: number): string {
    const start = this.#step(bytes);
    return this.#utf8.decode(this.#window.subarray(start, start + bytes));
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
