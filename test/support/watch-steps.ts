/**
 * Watches the kernels' inputs about rows and keys: the step buffer and the page tables, as they are when a pass
 * runs.
 */
import { vi } from "vitest";
import stepWgsl from "../../shaders/shared/step.wgsl?raw";
import type { Gpu } from "../../src/gpu/gpu";
import type { KvCache } from "../../src/memory/kv-cache";
import { type Round } from "../../src/memory/round";
import { type Half, HALVES } from "../../src/util/kv-half";
import type { Decoder } from "../../src/model/network/decoder";
import { structOf } from "./wgsl-struct";

/** An entry of a page table that a pass reads. */
export interface KeyPage {
  half: Half;
  base: number;
  /** Place in the round of the page's first token. */
  first: number;
  /** Tokens of it that are the round's. */
  valid: number;
  round: number;
  /** Whether it is the page that the round has at that time. */
  isRounds: boolean;
}

export interface WatchedSteps {
  /** Positions of all rows so far. */
  positions: number[];
  /** Page table entries so far. */
  keys: KeyPage[];
}

/** `struct Page` of the shaders. */
type Page = Record<"page" | "base" | "first" | "valid" | "round", number>;

/** What is watched of `struct Step`. */
interface Step {
  tables: {
    page_counts: number[];
    /** By half; of the steps that append nothing, entries without tokens. */
    appended: { index: number; entry: Page }[];
  };
  rows: { position: number }[];
}

interface Table {
  pages: Page[];
}

const STEP = structOf(stepWgsl, "Step");
const ROWS_AT = STEP.fields.find(({ name }) => name === "rows")!.offset;
const ROW_BYTES = structOf(stepWgsl, "Row").bytes;
const TABLE = structOf(
  `${stepWgsl} struct Table { pages : array<Page> }`,
  "Table",
);

/** Records rows and keys from now on, until mocks are restored. */
export function watchSteps(
  gpu: Gpu,
  { decoder, cache }: { decoder: Decoder; cache: KvCache },
  rounds: readonly Round[] | (() => readonly Round[]),
): WatchedSteps {
  const known = () => (typeof rounds === "function" ? rounds() : rounds);
  const watched: WatchedSteps = { positions: [], keys: [] };
  /** The step as it stands there: what no layer reads is not written. */
  const step = new Uint8Array(decoder.workspace.step.buffer.size);
  /** The tables as they stand on the GPU, and how many entries of them a pass reads. */
  const tables: Record<Half, Page[]> = { lower: [], upper: [] };
  const counts: Record<Half, number> = { lower: 0, upper: 0 };

  const write = gpu.write.bind(gpu);
  vi.spyOn(gpu, "write").mockImplementation((buffer, offset, data) => {
    if (buffer === decoder.workspace.step.buffer) {
      step.set(data, offset);
      const rowBytes = offset + data.byteLength - ROWS_AT;
      const rowCount = Math.ceil(rowBytes / ROW_BYTES);
      const end = ROWS_AT + rowCount * ROW_BYTES;
      const { tables: written, rows } = STEP.readAll(
        step.subarray(0, end),
      ) as Step;
      watched.positions.push(...rows.map(({ position }) => position));
      for (const [i, half] of HALVES.entries()) {
        counts[half] = written.page_counts[i]!;
        const { index, entry } = written.appended[i]!;
        if (entry.valid > 0) tables[half][index] = entry;
      }
    }
    for (const half of HALVES)
      if (buffer === cache[half].table)
        tables[half] = (TABLE.readAll(data) as Table).pages;
    write(buffer, offset, data);
  });

  const note = (half: Half) => {
    for (const entry of tables[half].slice(0, counts[half])) {
      const { page, base, first, valid, round } = entry;
      const pages = known().find(({ id }) => id === round)?.[half].pages;
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
