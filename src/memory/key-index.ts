/**
 * The index: keys of a model's retrieval heads, for the rounds of all chats, in a pool of its own. A question is
 * scored against it to find the rounds that it asks for; all other KV of a round can stay in the store until then.
 *
 *     pool     [index page][head][16][head_dim], in the format of the KV pages
 *     a round  as many index pages as a half of it has pages
 *
 * Keys are copied from a round's KV pages, or written from what is stored of them. They carry the generations of
 * the content that they are of, so that keys of other content are never used.
 */
import type { Copy, Gpu } from "../gpu/gpu";
import type { IndexKeys } from "../store/rounds";
import type { IndexHead } from "../model/config/round-index";
import { type Half, HALVES } from "../util/kv-half";
import { OutOfMemoryError } from "../util/errors";
import {
  headsName,
  indexPages,
  keysOfPayload,
  type KeyRow,
  keyRows,
  rowsOfHalf,
} from "./index-keys";
import type { KvCache } from "./kv-cache";
import { PAGE_TOKENS, pagesFor, PagePool } from "./page-pool";
import { runsOf } from "./page-runs";
import { isReadable, isResident, type Round } from "./round";
import type { SegmentHeader } from "./segment";

/** Index pages of one round, and the generations of the content that their keys are of. */
interface IndexedRound {
  readonly pages: number[];
  generations: Partial<Record<Half, number>>;
  /** What the round said, and what stood before it: they tell whether the keys are right while it has no KV. */
  tokens: readonly number[];
  context: string | undefined;
}

/** Initial pages: 4,096 tokens. */
const FIRST_PAGES = 256;

export class KeyIndex {
  readonly heads: readonly IndexHead[];
  /** Names the heads, for what is stored. */
  readonly name: string;
  readonly pool = new PagePool();
  readonly pageBytes: number;
  /** The most pages. */
  readonly limit: number;
  readonly #gpu: Gpu;
  readonly #cache: KvCache;
  readonly #rows: readonly KeyRow[];
  /** Least recently used first. */
  readonly #rounds = new Map<Round, IndexedRound>();
  #keys: GPUBuffer | undefined;

  /**
   * @param queriesPerKey query heads that share a KV head
   * @param budgetBytes the most bytes of keys
   */
  constructor(
    gpu: Gpu,
    cache: KvCache,
    heads: readonly IndexHead[],
    queriesPerKey: number,
    budgetBytes: number,
  ) {
    this.#gpu = gpu;
    this.#cache = cache;
    this.heads = heads;
    this.name = headsName(heads);
    this.#rows = keyRows(heads, queriesPerKey);
    this.pageBytes = heads.length * this.#headBytes;
    const bytes = Math.min(budgetBytes, gpu.bindingBytes);
    this.limit = Math.floor(bytes / this.pageBytes);
  }

  /** All keys; undefined before the first round is there. */
  get keys(): GPUBuffer | undefined {
    return this.#keys;
  }

  /** The halves that have layers of its heads. */
  get halves(): Half[] {
    return HALVES.filter((half) => this.#rowsOf(half).length > 0);
  }

  /**
   * Whether the keys of a round are there, and of the content that the round has now: on the GPU, else in the store,
   * else of what it would be computed to.
   */
  has(round: Round): boolean {
    const found = this.#rounds.get(round);
    return (
      found !== undefined &&
      found.pages.length === pagesFor(round.tokens.length) &&
      this.halves.every((half) => {
        const { generation, stored } = round[half];
        const known = found.generations[half];
        if (isResident(round, half)) return known === generation;
        if (stored.bytes > 0) return known === stored.generation;
        // Evicted before it was stored.
        return known !== undefined && isSameText(found, round);
      })
    );
  }

  /** Marks the keys of these rounds as just used: they are evicted last, the newest at the very end. */
  use(rounds: readonly Round[]): void {
    for (const round of rounds) {
      const found = this.#rounds.get(round);
      if (!found) continue;
      this.#rounds.delete(round);
      this.#rounds.set(round, found);
    }
  }

  /** The pages with a round's keys, in order; empty if there are none. */
  pagesOf(round: Round): readonly number[] {
    return this.#rounds.get(round)?.pages ?? [];
  }

  /**
   * What to store of a round's keys in a half, from its segment; undefined if no head is there.
   *
   * @param payload of the segment, without its header
   */
  keysOf(
    half: Half,
    header: SegmentHeader,
    payload: Uint8Array,
  ): Uint16Array<ArrayBuffer> | undefined {
    const rows = this.#rowsOf(half);
    if (rows.length === 0) return undefined;
    return keysOfPayload(payload, header, rows, this.#cache[half].firstLayer);
  }

  /** Whether `copy` can take a round's keys from its pages. */
  canCopy(round: Round): boolean {
    const isThere = (half: Half) =>
      isReadable(round, half, this.#isLocalIn(half));
    return this.halves.every(isThere);
  }

  /** Whether `write` can take a round's keys from what is stored of them. */
  canWrite(round: Round, stored: IndexKeys | undefined): boolean {
    const pages = pagesFor(round.tokens.length);
    return (
      stored?.heads === this.name &&
      this.halves.every(
        (half) =>
          round[half].stored.bytes > 0 &&
          stored[half]?.length ===
            pages *
              this.#rowsOf(half).length *
              PAGE_TOKENS *
              this.#cache.lower.shape.headDim,
      )
    );
  }

  /**
   * Copies the keys of rounds whose KV is resident. Rounds for which there is no room are left out: they are not
   * found then.
   *
   * @throws DeviceLostError
   */
  async copy(rounds: readonly Round[]): Promise<void> {
    const placed = await this.#place(rounds);
    const copies = placed.flatMap(({ round, pages }) =>
      this.#copiesOf(round, pages),
    );
    if (copies.length > 0) this.#gpu.copy("index keys", copies);
    for (const { round } of placed)
      this.#note(round, (half) => round[half].generation);
  }

  /**
   * Writes stored keys of rounds, adjacent ones together.
   *
   * @throws DeviceLostError
   */
  async write(
    rounds: readonly Round[],
    storedOf: (round: Round) => IndexKeys,
  ): Promise<void> {
    const placed = await this.#place(rounds);
    const shape = this.#cache.lower.shape;
    const bytes = new Uint8Array(
      placed.reduce((sum, { pages }) => sum + pages.length, 0) * this.pageBytes,
    );
    let at = 0;
    for (const { round, pages } of placed) {
      const { headDim, format } = shape;
      const lowerLayers = shape.watershed + 1;
      const wanted = { lowerLayers, pages: pages.length, headDim, format };
      bytes.set(indexPages(storedOf(round), this.#rows, wanted), at);
      at += pages.length * this.pageBytes;
    }
    for (const run of runsOf(placed.flatMap(({ pages }) => pages))) {
      const from = run.index * this.pageBytes;
      const part = bytes.subarray(from, from + run.count * this.pageBytes);
      this.#gpu.write(this.#keys!, run.page * this.pageBytes, part);
    }
    for (const { round } of placed)
      this.#note(round, (half) => round[half].stored.generation);
  }

  /** Gives a round's index pages back. */
  drop(round: Round): void {
    const found = this.#rounds.get(round);
    if (!found) return;
    for (const page of found.pages) this.pool.give(page);
    this.#rounds.delete(round);
  }

  destroy(): void {
    this.#rounds.clear();
    if (this.#keys) this.#gpu.destroyBuffer(this.#keys);
    this.#keys = undefined;
  }

  /** Bytes of one head's keys in a page. */
  get #headBytes(): number {
    const { headDim, format } = this.#cache.lower.shape;
    return PAGE_TOKENS * headDim * (format === "f16" ? 2 : 4);
  }

  #rowsOf(half: Half) {
    return rowsOfHalf(this.#rows, half, this.#cache.lower.shape.watershed + 1);
  }

  /** Whether a head of a half is in a local layer. */
  #isLocalIn(half: Half): boolean {
    return this.#rowsOf(half).some(({ layer }) =>
      this.#cache[half].isLocal(layer),
    );
  }

  #note(round: Round, generationOf: (half: Half) => number): void {
    const found = this.#rounds.get(round)!;
    found.generations = {};
    found.tokens = [...round.tokens];
    found.context = round.context?.hash;
    for (const half of this.halves)
      found.generations[half] = generationOf(half);
  }

  /** Gives rounds index pages, as far as there is room. */
  async #place(
    rounds: readonly Round[],
  ): Promise<{ round: Round; pages: readonly number[] }[]> {
    const kept = new Set(rounds);
    for (const round of rounds) {
      const found = this.#rounds.get(round);
      const needed = pagesFor(round.tokens.length);
      if (found && found.pages.length === needed) {
        // Used just now: evicted last.
        this.#rounds.delete(round);
        this.#rounds.set(round, found);
        continue;
      }
      this.drop(round);
      if (needed === 0 || !(await this.#makeRoom(needed, kept))) continue;
      const pages = Array.from({ length: needed }, () => this.pool.take());
      this.#rounds.set(round, {
        pages,
        generations: {},
        tokens: [],
        context: undefined,
      });
    }
    return rounds.flatMap((round) => {
      const found = this.#rounds.get(round);
      return found ? [{ round, pages: found.pages }] : [];
    });
  }

  /** @returns whether so many pages are free now */
  async #makeRoom(pages: number, kept: ReadonlySet<Round>): Promise<boolean> {
    if (this.pool.freePages >= pages) return true;
    const used = this.pool.pageCount - this.pool.freePages;
    const doubled = Math.max(FIRST_PAGES, 2 * this.pool.pageCount);
    const wanted = Math.min(this.limit, Math.max(doubled, used + pages));
    if (wanted > this.pool.pageCount) await this.#grow(wanted);
    const others = [...this.#rounds].filter(([round]) => !kept.has(round));
    const held = others.reduce((sum, [, { pages }]) => sum + pages.length, 0);
    // None makes way for a round that finds no room all the same.
    if (this.pool.freePages + held < pages) return false;
    for (const [round] of others) {
      if (this.pool.freePages >= pages) break;
      this.drop(round);
    }
    return true;
  }

  /** Makes the pool larger, if the GPU has room. */
  async #grow(pageCount: number): Promise<void> {
    const gpu = this.#gpu;
    const bytes = pageCount * this.pageBytes;
    let made: GPUBuffer;
    try {
      made = await gpu.allocating(`${bytes} bytes of the index`, () =>
        gpu.buffer({ label: "index keys", memoryClass: "index", bytes }),
      );
    } catch (error) {
      if (error instanceof OutOfMemoryError) return;
      throw error;
    }
    const old = this.#keys;
    if (old) {
      const kept = this.pool.pageCount * this.pageBytes;
      gpu.copy("resize index", [{ from: old, to: made, bytes: kept }]);
      gpu.destroyBuffer(old);
    }
    this.#keys = made;
    this.pool.grow(pageCount);
  }

  #copiesOf(round: Round, pages: readonly number[]): Copy[] {
    const bytes = this.#headBytes;
    const { kvHeads } = this.#cache.lower.shape;
    return this.#rows.flatMap(({ layer, kvHead }, place) => {
      const isLower = layer < this.#cache.upper.firstLayer;
      const half = this.#cache[isLower ? "lower" : "upper"];
      const from = half.layers[layer - half.firstLayer]!.k;
      const { pages: main, localPages } = round[half.half];
      const own = half.isLocal(layer) ? localPages : main;
      return pages.map((page, i) => ({
        from,
        fromOffset: (own[i]! * kvHeads + kvHead) * bytes,
        to: this.#keys!,
        toOffset: (page * this.heads.length + place) * bytes,
        bytes,
      }));
    });
  }
}

/** Whether a round says what it said when its keys were taken, behind the same tokens. */
function isSameText({ tokens, context }: IndexedRound, round: Round): boolean {
  return (
    context !== undefined &&
    context === round.context?.hash &&
    tokens.every((token, i) => token === round.tokens[i])
  );
}
