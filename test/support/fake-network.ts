/**
 * A network whose KV values encode what they were computed from, for tests of which round has which KV: a page's
 * content can be compared with that of a full prefill. It uses the engine's own runner, and follows the step and
 * the page tables as the kernels would.
 *
 *     layer 0        of the token alone
 *     next layers    of the token, and of what the lower layer before has for all tokens up to it
 *     upper layers   of the token, and of what the layer before has for it: whichever rounds are selected
 */
import { Runner } from "../../src/engine/run/runner";
import type { Copy, Gpu } from "../../src/gpu/gpu";
import type { KvCache, KvHalf } from "../../src/memory/kv-cache";
import { PAGE_ENTRY_WORDS, PAGE_TOKENS } from "../../src/memory/page-pool";
import type { LayerRange, Decoder } from "../../src/model/network/decoder";
import { SAMPLED, type Step } from "../../src/model/network/step";
import type { Half } from "../../src/util/kv-half";
import { seededRandom } from "./random";

/** What is in the pages of a half: by layer of the half and page, a number a token. */
type HalfValues = Map<number, Map<number, Uint32Array>>;

const contents = new WeakMap<KvHalf, HalfValues>();

function valuesOf(half: KvHalf, layer: number, page: number): Uint32Array {
  const layers =
    contents.get(half) ?? new Map<number, Map<number, Uint32Array>>();
  contents.set(half, layers);
  const pages = layers.get(layer) ?? new Map<number, Uint32Array>();
  layers.set(layer, pages);
  const values = pages.get(page) ?? new Uint32Array(PAGE_TOKENS);
  pages.set(page, values);
  return values;
}

/** What sets the KV of one model apart from that of others, by its lower half. */
const salts = new WeakMap<KvHalf, number>();

/** Has the KV in these pages be that of another model than without. */
export function saltPages({ lower }: Pick<KvCache, "lower">, salt: number) {
  salts.set(lower, salt);
}

/** Pages that somebody has, and who is told when others are read or written. */
const watched = new WeakMap<
  KvHalf,
  { used: Set<number>; onFault: (fault: string) => void }
>();

/** Tells of pages that a pass reads or writes though nobody has them; what is in them is spoiled. */
export function watchPages(
  cache: Pick<KvCache, Half>,
  onFault: (fault: string) => void,
): void {
  for (const half of [cache.lower, cache.upper]) {
    const used = new Set<number>();
    watched.set(half, { used, onFault });
    const { pool } = half;
    const [take, give] = [pool.take.bind(pool), pool.give.bind(pool)];
    pool.take = () => {
      const page = take();
      used.add(page);
      return page;
    };
    pool.give = (page) => {
      give(page);
      used.delete(page);
      spoilPages(half, [page]);
    };
  }
}

function checkPage(half: KvHalf, page: number, what: string): void {
  const watch = watched.get(half);
  if (watch === undefined || watch.used.has(page)) return;
  watch.onFault(`a pass ${what} page ${page} of the ${half.half} half`);
}

/** A hash of these numbers (FNV-1a over words). */
function mix(...words: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
  return hash;
}

/**
 * What a full prefill writes into the pages: by layer, a number a token.
 *
 * @param before tokens before these
 */
export function exactValues(
  { lower, upper }: Pick<KvCache, Half>,
  before: readonly number[],
  tokens: readonly number[],
): number[][] {
  const all = [...before, ...tokens];
  const salt = salts.get(lower) ?? 0;
  let values = all.map((token) => mix(salt, token));
  const layers = [values];
  for (let layer = 1; layer < lower.layerCount + upper.layerCount; layer++) {
    let fold = 0;
    values = all.map((token, i) => {
      fold = mix(fold, values[i]!);
      const isUpper = layer > lower.layerCount;
      return mix(layer, token, isUpper ? values[i]! : fold);
    });
    layers.push(values);
  }
  return layers.map((one) => one.slice(before.length));
}

/** What is in the pages of a half, by layer of the half. */
export function pageValues(
  half: KvHalf,
  pages: readonly number[],
  tokens: number,
): number[][] {
  return Array.from({ length: half.layerCount }, (_, layer) =>
    Array.from(
      { length: tokens },
      (_, i) =>
        valuesOf(half, layer, pages[Math.floor(i / PAGE_TOKENS)]!)[
          i % PAGE_TOKENS
        ]!,
    ),
  );
}

/** Fills pages with the result of `pageValues`. */
export function setPageValues(
  half: KvHalf,
  pages: readonly number[],
  layers: readonly (readonly number[])[],
): void {
  for (const [layer, values] of layers.entries())
    for (const [i, value] of values.entries())
      valuesOf(half, layer, pages[Math.floor(i / PAGE_TOKENS)]!)[
        i % PAGE_TOKENS
      ] = value;
}

/** Fills pages with garbage, as if other rounds had used them. */
export function spoilPages(half: KvHalf, pages: readonly number[]): void {
  for (let layer = 0; layer < half.layerCount; layer++)
    for (const page of pages) valuesOf(half, layer, page).fill(0xdead);
}

export interface FakeNetwork {
  runner: Runner;
  /** Tokens in the order in which they were drawn. */
  drawn: number[];
}

/**
 * @param draw what the sampler draws next
 * @param seed of the attention, which is spread at random
 */
export function fakeNetwork(
  gpu: Gpu,
  cache: KvCache,
  draw: () => number,
  seed = 1,
): FakeNetwork {
  const decoder = new FakeDecoder(cache, draw);
  const network = decoder as unknown as Decoder;
  const fake: Gpu = Object.assign(gpu, {
    write: (buffer: GPUBuffer, _offset: number, data: Uint32Array) =>
      decoder.takeTable(buffer, data),
    submit: (_label: string, record: (pass: never) => void) =>
      record(undefined as never),
  });
  const runner = new Runner(fake, network, cache);
  const next = seededRandom(seed);
  const attention = {
    pages: 0,
    async begin(pages: number) {
      attention.pages = pages;
      return 1000;
    },
    slice: () => ({ request: {}, copy: {} as Copy }),
    take: async () => undefined,
    pageMass() {
      const mass = Array.from({ length: attention.pages }, () => next());
      const sum = mass.reduce((a, b) => a + b, 0);
      return mass.map((one) => one / sum);
    },
    read: async () =>
      Float32Array.from({ length: attention.pages * PAGE_TOKENS }, () =>
        next(),
      ),
    destroy: () => undefined,
  };
  Object.assign(runner, { mass: attention, relevance: attention });
  return { runner, drawn: decoder.drawn };
}

const noBuffer = { size: 2 ** 16 } as GPUBuffer;

class FakeDecoder {
  readonly hiddenSize = 8;
  readonly vocabSize = 2 ** 16;
  readonly headCount = 1;
  readonly rowCapacity = 1000;
  readonly drawn: number[] = [];
  readonly workspace = {
    step: {
      buffer: noBuffer,
      write: (step: Step) => {
        this.#step = step;
      },
    },
    residual: noBuffer,
    logits: noBuffer,
    sampled: noBuffer,
    sampler: { buffer: noBuffer, write: () => undefined },
    marks: noBuffer,
    bias: noBuffer,
    qkv: noBuffer,
  };
  readonly #cache: KvCache;
  readonly #draw: () => number;
  readonly #tables: Record<Half, number[]> = { lower: [], upper: [] };
  #step!: Step;

  constructor(cache: KvCache, draw: () => number) {
    this.#cache = cache;
    this.#draw = draw;
  }

  splitsFor = () => 1;
  embed = () => undefined;
  head = () => undefined;
  destroy = () => undefined;

  takeTable(buffer: GPUBuffer, data: Uint32Array): void {
    for (const half of ["lower", "upper"] as const)
      if (buffer === this.#cache[half].table)
        this.#tables[half] = Array.from(data);
  }

  appendPage(): void {
    for (const half of ["lower", "upper"] as const) {
      const [index, ...entry] = this.#step.appended![half];
      this.#tables[half].splice(
        index! * PAGE_ENTRY_WORDS,
        PAGE_ENTRY_WORDS,
        ...entry,
      );
    }
  }

  sample(): void {
    this.drawn.push(this.#draw());
  }

  run(_pass: never, { from, to }: LayerRange): void {
    if (to > this.#cache.upper.firstLayer)
      for (const [page] of this.#entriesOf("upper"))
        checkPage(this.#cache.upper, page, "reads");
    for (let layer = from; layer < to; layer++) this.#compute(layer);
  }

  writeKeys(_pass: never, layer: number): void {
    this.#compute(layer);
  }

  /** Writes a layer's values for the rows of the step to their slots. */
  #compute(layer: number): void {
    const { lower, upper } = this.#cache;
    const isLower = layer < lower.layerCount;
    const half = isLower ? lower : upper;
    const salt = salts.get(lower) ?? 0;
    const folds =
      layer > 0 && layer <= lower.layerCount
        ? this.#foldsOf(layer - 1)
        : undefined;
    for (const row of this.#step.rows) {
      const token = row.token === SAMPLED ? this.drawn.at(-1)! : row.token;
      const slot = isLower ? row.lowerSlot : row.upperSlot;
      const at = slot % PAGE_TOKENS;
      const page = Math.floor(slot / PAGE_TOKENS);
      checkPage(half, page, "writes");
      const before = folds?.get(row.position);
      const value =
        layer === 0
          ? mix(salt, token)
          : mix(
              layer,
              token,
              before ??
                valuesOf(upper, layer - 1 - upper.firstLayer, page)[at]!,
            );
      valuesOf(half, layer - half.firstLayer, page)[at] = value;
    }
  }

  /** A lower layer's values for all tokens up to a position. */
  #foldsOf(layer: number): Map<number, number> {
    const folds = new Map<number, number>();
    let fold = 0;
    for (const [page, base, , first, valid] of this.#entriesOf("lower")) {
      checkPage(this.#cache.lower, page, "reads");
      for (let i = 0; i < valid; i++) {
        fold = mix(fold, valuesOf(this.#cache.lower, layer, page)[i]!);
        folds.set(base + first + i, fold);
      }
    }
    return folds;
  }

  #entriesOf(half: Half) {
    const table = this.#tables[half];
    return Array.from(
      { length: this.#step[`${half}Pages`] },
      (_, i) =>
        table.slice(PAGE_ENTRY_WORDS * i, PAGE_ENTRY_WORDS * (i + 1)) as [
          page: number,
          base: number,
          place: number,
          first: number,
          valid: number,
        ],
    );
  }
}
