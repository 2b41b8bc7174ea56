/**
 * Reads exact byte counts from a stream of chunks of any size. Data is copied once, into the caller's buffer; at
 * most one chunk is held.
 */
export class ByteReader {
  /** Bytes read or skipped so far. */
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fills `target` from the stream; returns the bytes filled, fewer only at the end of the stream. */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && (await this.#hasMore())) {
      const piece = this.#take(target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
    }
    return filled;
  }

  /** Skips `bytes` bytes, or fewer at the end of the stream. */
  async skip(bytes: number): Promise<void> {
    const end = this.position + bytes;
    while (this.position < end && (await this.#hasMore())) {
      this.#take(end - this.position);
    }
  }

  /** Closes the stream; remaining data is dropped. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#rest = next.value as Uint8Array<ArrayBuffer>;
    }
    return true;
  }

  #take(atMost: number): Uint8Array {
    const piece = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(piece.length);
    this.position += piece.length;
    return piece;
  }
}
