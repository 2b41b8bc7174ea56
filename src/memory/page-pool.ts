/** Which pages of one half are free. Numbers only; the buffers are KvHalf's. */

/** Tokens of one page. */
export const PAGE_TOKENS = 16;

/** Words of a page table's entry: page, base, first local position, valid count, round. */
export const PAGE_ENTRY_WORDS = 5;

/** Pages that `tokens` tokens of one round take. */
export function pagesFor(tokens: number): number {
  return Math.ceil(tokens / PAGE_TOKENS);
}

export class PagePool {
  #free: number[] = [];
  readonly #used = new Set<number>();
  #pageCount = 0;

  get pageCount(): number {
    return this.#pageCount;
  }

  get freePages(): number {
    return this.#free.length;
  }

  /** Adds pages up to `pageCount`, the lowest ones to be taken first. */
  grow(pageCount: number): void {
    const added: number[] = [];
    for (let page = pageCount - 1; page >= this.#pageCount; page--)
      added.push(page);
    this.#free = [...added, ...this.#free];
    this.#pageCount = Math.max(this.#pageCount, pageCount);
    this.check();
  }

  take(): number {
    const page = this.#free.pop();
    if (page === undefined)
      throw new RangeError(
        `page pool: all ${this.#pageCount} pages are in use`,
      );
    this.#used.add(page);
    return page;
  }

  give(page: number): void {
    if (!this.#used.delete(page))
      throw new RangeError(`page pool: page ${page} is not in use`);
    this.#free.push(page);
  }

  /** Free + used = all. */
  check(): void {
    if (this.#free.length + this.#used.size !== this.#pageCount) {
      throw new RangeError(
        `page pool: ${this.#free.length} free + ${this.#used.size} used is not ${this.#pageCount}`,
      );
    }
  }
}
