/**
 * Which halves of which rounds are on the GPU, over all chats. A turn or transfer uses or pins the halves that it
 * needs; if pages are needed and none are free, the least recently used halves are evicted.
 */
import { type Half, HALVES } from "../util/kv-half";
import { clearPages, type HalfKv, isStoredAsItIs } from "./half-kv";
import type { KvCache, PageCounts } from "./kv-cache";
import { type PagePool, pagesFor } from "./page-pool";
import {
  dropLocalPages,
  dropPages,
  fitPages,
  missingLocalPages,
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
   * @param hasLocal whether local layers get some too. Default: unless the half lacks them
   * @throws OutOfMemoryError if everything else is pinned
   */
  async give(
    round: Round,
    half: Half,
    tokens = round.tokens.length,
    hasLocal = !round[half].lacksLocal,
  ): Promise<void> {
    this.#assertOwn(round);
    const kv = round[half];
    const pages = missingPages(kv, tokens);
    const { local: apart } = this.cache[half];
    const local = apart && hasLocal ? missingLocalPages(kv, tokens) : 0;
    // Pinned, so that making room does not evict its own pages.
    this.pin(round, half);
    try {
      const none = { lower: 0, upper: 0 };
      if (pages > 0 || local > 0)
        await this.makeRoom(
          { ...none, [half]: pages },
          { ...none, [half]: local },
        );
    } finally {
      this.unpin(round, half);
    }
    const held = Math.max(tokens, kv.computedTokens);
    fitPages(kv, held, this.cache[half], hasLocal);
    if (kv.pages.length > 0) round.owner = this;
    this.use(round, half);
  }

  /**
   * Ensures that so many pages are free.
   *
   * @param local of local layers; see KvCache
   * @throws OutOfMemoryError
   */
  async makeRoom(pages: PageCounts, local = pages): Promise<void> {
    if (!this.#evict(pages)) {
      await this.transfersDone();
      this.#evict(pages);
    }
    await this.cache.reserve(pages, local);
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
    dropPages(round[half], this.cache[half]);
    this.#forgetEmpty(round, half);
  }

  /**
   * Gives the pages of a half's local layers back, if its segment has what they hold and nobody pins it: for a round
   * that left their windows.
   */
  dropLocal(round: Round, half: Half): void {
    this.#assertOwn(round);
    const kv = round[half];
    if (
      this.cache[half].local &&
      kv.pages.length > 0 &&
      isStoredAsItIs(kv) &&
      !this.isPinned(round, half)
    )
      dropLocalPages(kv, this.cache[half]);
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
    kv.localPages.push(...other.localPages.splice(0));
    kv.lacksLocal = other.lacksLocal;
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
    fitPages(round[half], round[half].computedTokens, this.cache[half]);
    this.#forgetEmpty(round, half);
  }

  /** Call it when the pools are destroyed: no round has pages any more. */
  release(): void {
    for (const half of HALVES)
      for (const round of this.#used[half]) this.#lose(round, half);
    this.#pins.clear();
  }

  /** Asserts that the accounting of pages is consistent. @throws RangeError with the numbers */
  check(): void {
    const [fault] = this.#pageFaults();
    if (fault !== undefined) throw new RangeError(fault);
  }

  /**
   * Describes inconsistencies between two operations, in numbers: free + used = all; the used pages are those of
   * the rounds known here, none of two; pinned halves have pages; halves with KV have as many pages in local layers as
   * in others, unless they lack them. Empty if all of that holds.
   */
  faults(): string[] {
    const lost = [...this.#pins.keys()].filter(({ pages }) => !pages.length);
    const uneven = HALVES.flatMap((half) =>
      [...this.#used[half]].filter((round) => this.#isUneven(round, half)),
    );
    return [
      ...this.#pageFaults(),
      ...(uneven.length > 0
        ? [`${uneven.length} halves have KV without pages in local layers`]
        : []),
      ...(lost.length > 0
        ? [`${lost.length} pinned halves have no pages`]
        : []),
    ];
  }

  #isUneven(round: Round, half: Half): boolean {
    const { pages, localPages, lacksLocal, computedTokens } = round[half];
    if (!this.cache[half].local || lacksLocal || computedTokens === 0)
      return false;
    return localPages.length !== pages.length;
  }

  #pageFaults(): string[] {
    return HALVES.flatMap((half) => {
      const { pool, local } = this.cache[half];
      const kvs = [...this.#used[half]].map((round) => round[half]);
      const faults = pool.faults(kvs.flatMap(({ pages }) => pages));
      const named = faults.map((fault) => `${half} pages: ${fault}`);
      if (!local) return named;
      const apart = local.pool.faults(kvs.flatMap((kv) => kv.localPages));
      return [
        ...named,
        ...apart.map((fault) => `${half} pages of local layers: ${fault}`),
      ];
    });
  }

  /** Repairs the accounting: rounds that share a page, or have an invalid one, lose that half. */
  recover(): void {
    for (const half of HALVES) {
      const { pool, local } = this.cache[half];
      const kvs = () => [...this.#used[half]].map((round) => round[half]);
      const areSound = soundIn(
        pool,
        kvs().map(({ pages }) => pages),
      );
      const localAreSound =
        local &&
        soundIn(
          local.pool,
          kvs().map((kv) => kv.localPages),
        );
      for (const round of this.#used[half]) {
        const { pages, localPages } = round[half];
        const isSound =
          pages.length > 0 &&
          areSound(pages) &&
          (!localAreSound ||
            (localAreSound(localPages) && !this.#isUneven(round, half)));
        if (!isSound) this.#lose(round, half);
      }
      pool.reset(kvs().flatMap(({ pages }) => pages));
      local?.pool.reset(kvs().flatMap((kv) => kv.localPages));
    }
    for (const kv of this.#pins.keys())
      if (kv.pages.length === 0) this.#pins.delete(kv);
  }

  /** Forgets a half's pages, without giving them back. */
  #lose(round: Round, half: Half): void {
    round[half].pages.length = 0;
    round[half].localPages.length = 0;
    clearPages(round[half]);
    this.#forgetEmpty(round, half);
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
    let bytes = 0;
    for (const round of rounds) bytes += this.cache[half].bytesOf(round[half]);
    return bytes;
  }

  /** Bytes that a half of so many tokens takes. */
  bytesFor(tokens: number, half: Half): number {
    return pagesFor(tokens) * this.cache[half].pageBytes;
  }
}

/** Tells whether pages are in a pool, and each of one round only. */
function soundIn(
  { pageCount }: PagePool,
  owned: readonly (readonly number[])[],
): (pages: readonly number[]) => boolean {
  const owners = new Map<number, number>();
  for (const page of owned.flat())
    owners.set(page, (owners.get(page) ?? 0) + 1);
  return (pages) =>
    pages.every((page) => page < pageCount && owners.get(page) === 1);
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
