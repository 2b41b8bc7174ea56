/** The small buffer with a step's inputs: `struct Step` of shared/step.wgsl. */
import type { Gpu } from "../../gpu/gpu";
import { type Half, HALVES } from "../../util/kv-half";

/** Row token that means "the token that the sampler drew last". */
export const SAMPLED = 0xffffffff;

/** Where a token's K and V go: page × 16 + place in the page. */
export interface RowSlots {
  lowerSlot: number;
  upperSlot: number;
  /** The same in local layers, whose pages lie apart (memory/kv-cache.ts). Default 0. */
  lowerLocalSlot?: number;
  upperLocalSlot?: number;
}

/** One token to compute. */
export interface StepRow extends RowSlots {
  token: number;
  /** Position in the chat. */
  position: number;
  /** Place within its round. */
  localPosition: number;
}

/** Entries of the page tables, and how many workgroups share each. */
export interface TableSizes {
  lowerPages: number;
  upperPages: number;
  lowerSplits: number;
  upperSplits: number;
}

export interface Step extends TableSizes {
  rows: readonly StepRow[];
  /** The last so many rows are those whose logits or mass are wanted. */
  askedRows: number;
  /** The tables of local layers, if their pages lie apart. */
  local?: TableSizes | undefined;
  /** Number of the draw within the reply: with the seed, it fixes the noise. */
  draw?: number | undefined;
  /** Decode steps: index in the page table and entry of the page that the row goes to, by half. */
  appended?: Record<Half, readonly number[]>;
  /** The same for tables of local layers. Default: `appended`, for halves that have none. */
  appendedLocal?: Partial<Record<Half, readonly number[]>> | undefined;
}

/** An index in a page table, and the words of its entry. */
const APPENDED_WORDS = 7;
const TABLES_WORDS = 4 + 2 * APPENDED_WORDS;
const HEADER_WORDS = 2 * TABLES_WORDS + 3;
const ROW_WORDS = 7;
/** At the end of a row: its slots in local layers. */
const LOCAL_SLOT_WORDS = 2;
const NO_TABLES: TableSizes = {
  lowerPages: 0,
  upperPages: 0,
  lowerSplits: 1,
  upperSplits: 1,
};

/** Packs steps and writes them, each with one call. */
export class StepBuffer {
  readonly buffer: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #bytes: ArrayBuffer;
  readonly #view: DataView;

  constructor(gpu: Gpu, rowCapacity: number) {
    this.#gpu = gpu;
    this.#bytes = new ArrayBuffer(4 * (HEADER_WORDS + ROW_WORDS * rowCapacity));
    this.#view = new DataView(this.#bytes);
    this.buffer = gpu.buffer({
      label: "step",
      memoryClass: "activations",
      bytes: this.#bytes.byteLength,
    });
  }

  write(step: Step): void {
    const { rows, draw, appended, appendedLocal, local } = step;
    let word = 0;
    const u32 = (value: number) =>
      this.#view.setUint32(4 * word++, value, true);
    const tables = (
      { lowerPages, upperPages, lowerSplits, upperSplits }: TableSizes,
      entries: Partial<Record<Half, readonly number[]>> = {},
    ) => {
      for (const size of [lowerPages, upperPages, lowerSplits, upperSplits])
        u32(size);
      for (const half of HALVES)
        for (let i = 0; i < APPENDED_WORDS; i++) u32(entries[half]?.[i] ?? 0);
    };
    tables(local ?? NO_TABLES, { ...appended, ...appendedLocal });
    u32(rows.length);
    u32(step.askedRows);
    tables(step, appended);
    u32(draw ?? 0);
    for (const row of rows) {
      u32(row.token);
      u32(row.position);
      u32(row.localPosition);
      u32(row.lowerSlot);
      u32(row.upperSlot);
      u32(row.lowerLocalSlot ?? 0);
      u32(row.upperLocalSlot ?? 0);
    }
    // What only local layers read lies at both ends.
    const first = local ? 0 : TABLES_WORDS;
    const end = local ? word : word - LOCAL_SLOT_WORDS;
    const bytes = new Uint8Array(this.#bytes, 4 * first, 4 * (end - first));
    this.#gpu.write(this.buffer, 4 * first, bytes);
  }

  destroy(): void {
    this.#gpu.destroyBuffer(this.buffer);
  }
}
