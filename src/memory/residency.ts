/**
 * Which halves of which rounds are on the GPU, over all chats. A turn or transfer uses or pins the halves that it
 * needs; if pages are needed and none are free, the least recently used halves are evicted.
 */
import { type Half, HALVES } from "../util/kv-half";
import { clearPages, type HalfKv } from "./half-kv";
import type { KvCache, PageCounts } from "./kv-cache";
import { pagesFor } from "./page-pool";
import {
  dropPages,
  fitPages,
  missingPages,
  type PageOwner,
  type Round,
} from "./round";

export class Residency implements PageOwner {
  readonly cache: KvCache;
  /** Rounds with pages in a half, least recently used first. */
  readonly #used: Record<Half, Set<Round>> = {
    lower: new Set(),
    upper: new Set(),
  };
  /** How many users pin a half: turns, transfers. */
  readonly #pins = new Map<HalfKv, number>();
  /** Resolves when the running transfers have released their pins. */
  transfersDone: () => Promise<void> = () => Promise.resolve();

  constructor(cache: KvCache) {
    this.cache = cache;
  }

  /** Marks a half as just used: it is evicted last. */
  use(round: Round, half: Half): void {
    if (round[half].pages.length === 0) return;
    this.#used[half].delete(round);
    this.#used[half].add(round);
  }

  /**
   * Gives a half pages for `tokens` tokens, evicting others.
   *
   * @throws OutOfMemoryError if everything else is pinned
   */
  async give(
    round: Round,
    half: Half,
    tokens = round.tokens.length,
  ): Promise<void> {
    this.#assertOwn(round);
    const kv = round[half];
    const pages = missingPages(kv, tokens);
    // Pinned, so that making room does not evict its own pages.
    this.pin(round, half);
    try {
      const none = { lower: 0, upper: 0 };
      if (pages > 0) await this.makeRoom({ ...none, [half]: pages });
    } finally {
      this.unpin(round, half);
    }
    const { pool } = this.cache[half];
    fitPages(kv, Math.max(tokens, kv.computedTokens), pool);
    if (kv.pages.length > 0) round.owner = this;
    this.use(round, half);
  }

  /**
   * Ensures that so many pages are free.
   *
   * @throws OutOfMemoryError
   */
  async makeRoom(pages: PageCounts): Promise<void> {
    if (!this.#evict(pages)) {
      await this.transfersDone();
      this.#evict(pages);
    }
    await this.cache.reserve(pages);
  }

  /** @returns whether there is room now */
  #evict(pages: PageCounts): boolean {
    for (const half of HALVES) {
      for (const round of this.#used[half]) {
        if (this.cache.roomFor(half) >= pages[half]) break;
        if (!this.isPinned(round, half)) this.drop(round, half);
      }
    }
    return HALVES.every((half) => this.cache.roomFor(half) >= pages[half]);
  }

  /** Pages of a half that these rounds could have together if all other unpinned halves were evicted. */
  availablePages(half: Half, rounds: readonly Round[]): number {
    const own = new Set(rounds);
    const pinned = [...this.#used[half]]
      .filter((round) => !own.has(round) && this.isPinned(round, half))
      .reduce((sum, round) => sum + round[half].pages.length, 0);
    return this.cache.limits[half] - pinned;
  }

  /** Keeps the pages of a half in place until it is unpinned as many times. */
  pin(round: Round, half: Half): void {
    const kv = round[half];
    this.#pins.set(kv, (this.#pins.get(kv) ?? 0) + 1);
  }

  unpin(round: Round, half: Half): void {
    const kv = round[half];
    const left = (this.#pins.get(kv) ?? 0) - 1;
    if (left > 0) this.#pins.set(kv, left);
    else this.#pins.delete(kv);
  }

  isPinned(round: Round, half: Half): boolean {
    return this.#pins.has(round[half]);
  }

  /** Gives the pages of a half back. @throws RangeError if it is pinned */
  drop(round: Round, half: Half): void {
    this.#assertOwn(round);
    if (this.isPinned(round, half))
      throw new RangeError(`round ${round.id}: its ${half} half is pinned`);
    dropPages(round[half], this.cache[half].pool);
    this.#forgetEmpty(round, half);
  }

  clear(round: Round, half: Half): void {
    if (this.isPinned(round, half)) clearPages(round[half]);
    else this.drop(round, half);
  }

  /** Moves a half that was computed for the round elsewhere to the round; its old one is dropped. */
  replace(round: Round, half: Half, made: Round): void {
    this.drop(round, half);
    const [kv, other] = [round[half], made[half]];
    kv.pages.push(...other.pages.splice(0));
    kv.computedTokens = other.computedTokens;
    kv.generation = other.generation;
    kv.origin = other.origin;
    clearPages(other);
    this.#forgetEmpty(made, half);
    round.owner = this;
    this.use(round, half);
  }

  /** Gives back pages that hold no KV. */
  trim(round: Round, half: Half): void {
    const { pool } = this.cache[half];
    fitPages(round[half], round[half].computedTokens, pool);
    this.#forgetEmpty(round, half);
  }

  /** Call it when the pools are destroyed: no round has pages any more. */
  release(): void {
    for (const half of HALVES)
      for (const round of this.#used[half]) {
        round[half].pages.length = 0;
        clearPages(round[half]);
        this.#forgetEmpty(round, half);
      }
    this.#pins.clear();
  }

  /** Asserts that the accounting of pages is consistent. @throws RangeError with the numbers */
  check(): void {
    const [fault] = this.#pageFaults();
    if (fault !== undefined) throw new RangeError(fault);
  }

  /**
   * Describes inconsistencies between two operations, in numbers: free + used = all; the used pages are those of
   * the rounds known here, none of two; pinned halves have pages. Empty if all of that holds.
   */
  faults(): string[] {
    const lost = [...this.#pins.keys()].filter(({ pages }) => !pages.length);
    return [
      ...this.#pageFaults(),
      ...(lost.length > 0
        ? [`${lost.length} pinned halves have no pages`]
        : []),
    ];
  }

  #pageFaults(): string[] {
    return HALVES.flatMap((half) => {
      const owned = [...this.#used[half]].flatMap((round) => round[half].pages);
      const faults = this.cache[half].pool.faults(owned);
      return faults.map((fault) => `${half} pages: ${fault}`);
    });
  }

  /** Repairs the accounting: rounds that share a page, or have an invalid one, lose that half. */
  recover(): void {
    for (const half of HALVES) {
      const { pool } = this.cache[half];
      const owners = new Map<number, number>();
      for (const round of this.#used[half])
        for (const page of round[half].pages)
          owners.set(page, (owners.get(page) ?? 0) + 1);
      const isSound = (page: number) =>
        page < pool.pageCount && owners.get(page) === 1;
      for (const round of this.#used[half]) {
        const { pages } = round[half];
        if (pages.every(isSound) && pages.length > 0) continue;
        pages.length = 0;
        clearPages(round[half]);
        this.#forgetEmpty(round, half);
      }
      pool.reset([...this.#used[half]].flatMap((round) => round[half].pages));
    }
    for (const kv of this.#pins.keys())
      if (kv.pages.length === 0) this.#pins.delete(kv);
  }

  #forgetEmpty(round: Round, half: Half): void {
    if (round[half].pages.length > 0) return;
    this.#used[half].delete(round);
    if (HALVES.every((one) => round[one].pages.length === 0))
      round.owner = undefined;
  }

  /** A page given back to the wrong pool would end up with two rounds. */
  #assertOwn({ id, owner }: Round): void {
    if (owner !== undefined && owner !== this)
      throw new RangeError(`round ${id}: its pages are of another pool`);
  }

  /** Tokens of all rounds with resident KV, a half counting half. */
  get residentTokens(): number {
    let halves = 0;
    for (const half of HALVES)
      for (const round of this.#used[half])
        halves += round[half].computedTokens;
    return halves / 2;
  }

  /** Bytes of rounds on the GPU, in whole pages. */
  bytesOf(rounds: Iterable<Round>, half: Half): number {
    let pages = 0;
    for (const round of rounds) pages += round[half].pages.length;
    return pages * this.cache[half].pageBytes;
  }

  /** Bytes that a half of so many tokens takes. */
  bytesFor(tokens: number, half: Half): number {
    return pagesFor(tokens) * this.cache[half].pageBytes;
  }
}

/** Halves that one user pins, and releases together. */
export class Pins {
  readonly #residency: Residency;
  readonly #pinned: { round: Round; half: Half }[] = [];

  constructor(residency: Residency) {
    this.#residency = residency;
  }

  add(round: Round, half: Half): void {
    this.#residency.pin(round, half);
    this.#pinned.push({ round, half });
  }

  /** Unpins one half, if it is pinned here. */
  remove(round: Round, half: Half): void {
    const at = this.#pinned.findIndex(
      (one) => one.round === round && one.half === half,
    );
    if (at < 0) return;
    this.#pinned.splice(at, 1);
    this.#residency.unpin(round, half);
  }

  release(): void {
    for (const { round, half } of this.#pinned.splice(0))
      this.#residency.unpin(round, half);
  }
}
