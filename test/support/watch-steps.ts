/** What the kernels are told of rows and keys: the step buffer and the page tables, as they are when a pass runs. */
import { vi } from "vitest";
import type { Gpu } from "../../src/gpu/gpu";
import type { KvCache } from "../../src/memory/kv-cache";
import { type Round } from "../../src/memory/round";
import { type Half, HALVES } from "../../src/util/kv-half";
import type { Decoder } from "../../src/model/network/decoder";

/** An entry of a page table that a pass reads. */
export interface KeyPage {
  half: Half;
  base: number;
  /** Place in the round of the page's first token. */
  first: number;
  /** Tokens of it that are the round's. */
  valid: number;
  round: number;
  /** Whether it is the page that the round has for them at that time. */
  isRounds: boolean;
}

export interface WatchedSteps {
  /** Positions of all rows so far. */
  positions: number[];
  /** Page table entries so far. */
  keys: KeyPage[];
}

/** Words before the rows of a step, and words of a row; where decode steps name the entries that they append. */
const [HEADER, ROW, APPENDED] = [25, 5, 13];
/** Words of an entry. */
const ENTRY = 5;

/** Notes rows and keys from now on, until mocks are restored. */
export function watchSteps(
  gpu: Gpu,
  { decoder, cache }: { decoder: Decoder; cache: KvCache },
  rounds: readonly Round[],
): WatchedSteps {
  const watched: WatchedSteps = { positions: [], keys: [] };
  /** The tables as they stand on the GPU, and how many entries of them a pass reads. */
  const tables: Record<Half, number[]> = { lower: [], upper: [] };
  const counts: Record<Half, number> = { lower: 0, upper: 0 };

  const write = gpu.write.bind(gpu);
  vi.spyOn(gpu, "write").mockImplementation((buffer, offset, data) => {
    const { buffer: bytes, byteOffset, byteLength } = data;
    const words = () => [...new Uint32Array(bytes, byteOffset, byteLength / 4)];
    if (buffer === decoder.workspace.step.buffer) {
      const step = words();
      for (let row = 0; row < step[0]!; row++)
        watched.positions.push(step[HEADER + ROW * row + 1]!);
      for (const [i, half] of HALVES.entries()) {
        counts[half] = step[2 + i]!;
        const from = APPENDED + i * (1 + ENTRY);
        const [index, ...entry] = step.slice(from, from + 1 + ENTRY);
        const isAppended = entry[3]! > 0;
        if (isAppended) tables[half].splice(ENTRY * index!, ENTRY, ...entry);
      }
    }
    for (const half of HALVES)
      if (buffer === cache[half].table) tables[half] = words();
    write(buffer, offset, data);
  });

  const note = (half: Half) => {
    for (let i = 0; i < counts[half]; i++) {
      const entry = tables[half].slice(ENTRY * i, ENTRY * (i + 1));
      const [page, base, first, valid, round] = entry as [
        number,
        number,
        number,
        number,
        number,
      ];
      const pages = rounds.find(({ id }) => id === round)?.[half].pages;
      const isRounds = pages?.[first / 16] === page;
      watched.keys.push({ half, base, first, valid, round, isRounds });
    }
  };
  const run = decoder.run.bind(decoder);
  vi.spyOn(decoder, "run").mockImplementation((pass, layers, ...rest) => {
    const { firstLayer } = cache.upper;
    if (layers.from < firstLayer) note("lower");
    if (layers.to > firstLayer) note("upper");
    run(pass, layers, ...rest);
  });
  return watched;
}
