/** Free and used pages of one half. Numbers only; the buffers are KvHalf's. */

/** Tokens of one page. */
export const PAGE_TOKENS = 16;

/** Words of a page table's entry: page, base, place, first local position, valid count, round. */
export const PAGE_ENTRY_WORDS = 6;

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

  /** Adds pages up to `pageCount`; the lowest are taken first. */
  grow(pageCount: number): void {
    const added: number[] = [];
    for (let page = pageCount - 1; page >= this.#pageCount; page--)
      added.push(page);
    this.#free = [...added, ...this.#free];
    this.#pageCount = Math.max(this.#pageCount, pageCount);
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

  /**
   * Describes inconsistencies, in numbers; empty if free + used = all, and the used pages are those in `owned`.
   *
   * @param owned the pages that rounds have
   */
  faults(owned: readonly number[] = [...this.#used]): string[] {
    const faults: string[] = [];
    const known = new Set(owned);
    if (known.size < owned.length)
      faults.push(`${owned.length - known.size} are owned twice`);
    const lost = [...this.#used].filter((page) => !known.has(page));
    if (lost.length > 0) faults.push(`${lost.length} in use have no owner`);
    const strange = [...known].filter((page) => !this.#used.has(page));
    if (strange.length > 0)
      faults.push(`${strange.length} have an owner and are not in use`);
    const [free, used] = [this.#free.length, this.#used.size];
    if (free + used !== this.#pageCount)
      faults.push(`${free} free + ${used} used is not ${this.#pageCount}`);
    return faults;
  }

  /** @throws RangeError if the books are inconsistent */
  check(): void {
    const [fault] = this.faults();
    if (fault !== undefined) throw new RangeError(`page pool: ${fault}`);
  }

  /** Marks exactly these pages as used, and all others as free. */
  reset(owned: readonly number[]): void {
    this.#used.clear();
    for (const page of owned) this.#used.add(page);
    const { pageCount } = this;
    this.#pageCount = 0;
    this.#free = [];
    this.grow(pageCount);
    this.#free = this.#free.filter((page) => !this.#used.has(page));
  }
}
