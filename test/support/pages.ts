/** Random chats in pages, as the attention kernels and their references take them. */
import { inverseFrequencies, rotate } from "../reference/rope";
import { PAGE_TOKENS, type PageEntry } from "../reference/attention";
import { f16Bits, f16Value } from "./tensors";
import { seededInts, seededNormals } from "./random";

export type PageFormat = "f32" | "f16";

/** cos and sin of [256 fine, then coarse positions][rotaryDim / 2], as the kernels read them. */
export function rotations(
  rotaryDim: number,
  theta: number,
  positions: number,
): Float32Array {
  const frequencies = inverseFrequencies(theta, rotaryDim);
  const rows = 256 + Math.ceil(positions / 256) + 1;
  const table = new Float32Array(rows * rotaryDim);
  for (let row = 0; row < rows; row++) {
    const position = row < 256 ? row : (row - 256) * 256;
    for (let i = 0; i < rotaryDim / 2; i++) {
      table[row * rotaryDim + 2 * i] = Math.cos(position * frequencies[i]!);
      table[row * rotaryDim + 2 * i + 1] = Math.sin(position * frequencies[i]!);
    }
  }
  return table;
}

/** Rounds of these lengths at these bases, in pages scattered over a pool, with random keys and values. */
export function randomPages({
  rounds,
  kvHeads,
  headDim,
  rotaryDim = headDim,
  theta,
  format,
  seed,
}: {
  rounds: readonly { tokens: number; base: number; place?: number }[];
  kvHeads: number;
  headDim: number;
  rotaryDim?: number;
  theta: number;
  format: PageFormat;
  seed: number;
}) {
  const pages: PageEntry[] = [];
  rounds.forEach(({ tokens, base, place = base }, round) => {
    for (let first = 0; first < tokens; first += PAGE_TOKENS) {
      pages.push({
        page: 0,
        base,
        place,
        first,
        valid: Math.min(PAGE_TOKENS, tokens - first),
        round,
      });
    }
  });
  // Pages of the pool in an order of their own, one left out after every third.
  const order = pages.map((_, i) => i + Math.floor(i / 3));
  const shuffle = seededInts(order.length, 1 << 30, seed + 9);
  order.sort(
    (a, b) => shuffle[a % shuffle.length]! - shuffle[b % shuffle.length]!,
  );
  pages.forEach((entry, i) => (entry.page = order[i]!));

  const poolPages = Math.max(0, ...order) + 1;
  const pageValues = kvHeads * PAGE_TOKENS * headDim;
  const stored = (values: Float32Array) =>
    format === "f16"
      ? Float32Array.from(values, (value) => f16Value(f16Bits(value)))
      : values;
  const frequencies = inverseFrequencies(theta, rotaryDim);
  const keys = seededNormals(poolPages * pageValues, seed);
  for (const { page, first } of pages) {
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      for (let t = 0; t < PAGE_TOKENS; t++) {
        const at = ((page * kvHeads + kvHead) * PAGE_TOKENS + t) * headDim;
        keys.set(
          rotate(keys.subarray(at, at + headDim), first + t, frequencies),
          at,
        );
      }
    }
  }
  return {
    pages,
    poolPages,
    frequencies,
    keys: stored(keys),
    values: stored(seededNormals(poolPages * pageValues, seed + 1)),
  };
}

/** The bytes of a pool. */
export function pageBytes(
  values: Float32Array,
  format: PageFormat,
): Uint8Array {
  if (format === "f32")
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return new Uint8Array(Uint16Array.from(values, f16Bits).buffer);
}

/** The kernels' page table. */
export function tableOf(pages: readonly PageEntry[]): Uint32Array {
  return Uint32Array.from(
    pages.flatMap(({ page, base, place = base, first, valid, round }) => [
      page,
      base,
      place,
      first,
      valid,
      round,
    ]),
  );
}
