/** Submits steps of a network: prefill in slices, decode one row at a time. Knows pages and positions, not text. */
import type { Copy, Gpu } from "../gpu/gpu";
import type { KvCache } from "../memory/kv-cache";
import { PAGE_TOKENS, pagesFor } from "../memory/page-pool";
import {
  type Half,
  PAGE_ENTRY_WORDS,
  pageEntry,
  pageTable,
  type PlacedRound,
} from "../memory/page-table";
import { pendingTokens, slotOf } from "../memory/round";
import type { Llama } from "../model/llama";
import { type Draw, SAMPLED, type StepRow } from "../model/step";
import { ROW_CAPACITY } from "../model/workspace";
import { PrefillPace } from "./prefill-pace";

/** What the last slice of a prefill does besides: draw a token from the last row, and copy it. */
export interface FirstDraw {
  draw: Draw;
  copies: readonly Copy[];
}

export class Runner {
  readonly gpu: Gpu;
  readonly llama: Llama;
  readonly cache: KvCache;
  readonly #layers: { from: number; to: number };
  readonly #pace = new PrefillPace(ROW_CAPACITY);

  constructor(gpu: Gpu, llama: Llama, cache: KvCache) {
    this.gpu = gpu;
    this.llama = llama;
    this.cache = cache;
    this.#layers = {
      from: 0,
      to: cache.lower.layerCount + cache.upper.layerCount,
    };
  }

  /**
   * Computes KV of all tokens that lack it, in order; rounds must have their pages. Yields the number
   * of rows done after each submit but the last, when the GPU has finished it: the caller may stop
   * there, and what is done stays done.
   */
  async *prefill(
    placed: readonly PlacedRound[],
    first?: FirstDraw,
  ): AsyncGenerator<number, void> {
    const { gpu, llama } = this;
    const pending = pendingRows(placed);
    const keys = this.writeTables(placed, pending.length);
    for (let done = 0; done < pending.length;) {
      const rows = this.#pace.nextRows(pending.length - done);
      const slice = pending.slice(done, done + rows);
      done += rows;
      const drawing = done === pending.length ? first : undefined;
      llama.workspace.step.write({
        rows: slice.map(({ row }) => row),
        askedRows: drawing ? 1 : 0,
        ...keys,
        ...(drawing && { draw: drawing.draw }),
      });
      const start = performance.now();
      gpu.submit(
        `prefill ${rows} rows`,
        (pass) => {
          llama.embed(pass, rows);
          llama.run(pass, this.#layers, rows, keys);
          if (drawing) {
            llama.head(pass, 1);
            llama.sample(pass);
          }
        },
        drawing?.copies,
      );
      for (const { round } of slice) round.computedTokens++;
      if (done < pending.length) {
        await gpu.done();
        this.#pace.took(rows, performance.now() - start);
        yield done;
      }
    }
  }

  /** Writes both page tables for a pass of `rows` rows over these rounds, and says what the step needs to know of them. */
  writeTables(placed: readonly PlacedRound[], rows: number) {
    const { llama, gpu, cache } = this;
    const write = (half: Half) => {
      const table = pageTable(placed, half);
      if (table.length > 0) gpu.write(cache[half].table, 0, table);
      return table.length / PAGE_ENTRY_WORDS;
    };
    const lowerPages = write("lower");
    const upperPages = write("upper");
    const lowerSplits = llama.splitsFor(rows, lowerPages);
    const upperSplits = llama.splitsFor(rows, upperPages);
    return { lowerPages, upperPages, lowerSplits, upperSplits };
  }

  /**
   * One decode step: the token drawn last enters the round at place `local`, and the next one is
   * drawn. One write, one pass, one submit.
   *
   * @param earlierPages page table entries of all rounds before
   */
  decode(
    own: PlacedRound,
    local: number,
    earlierPages: number,
    draw: Draw,
    copies: readonly Copy[],
  ): void {
    const { gpu, llama } = this;
    const index = Math.floor(local / PAGE_TOKENS);
    const pages = earlierPages + index + 1;
    const splits = llama.splitsFor(1, pages);
    const keys = {
      lowerPages: pages,
      upperPages: pages,
      lowerSplits: splits,
      upperSplits: splits,
    };
    const entry = (half: Half) => [
      pages - 1,
      ...pageEntry(own, half, index, local + 1),
    ];
    llama.workspace.step.write({
      rows: [rowAt(own, local, SAMPLED)],
      askedRows: 1,
      ...keys,
      draw,
      appended: { lower: entry("lower"), upper: entry("upper") },
    });
    gpu.submit(
      "decode",
      (pass) => {
        llama.appendPage(pass);
        llama.embed(pass, 1);
        llama.run(pass, this.#layers, 1, keys);
        llama.head(pass, 1);
        llama.sample(pass);
      },
      copies,
    );
  }
}

/** Page table entries of rounds. */
export function tablePages(placed: readonly PlacedRound[]): number {
  return placed.reduce(
    (sum, { round }) => sum + pagesFor(round.tokens.length),
    0,
  );
}

function pendingRows(placed: readonly PlacedRound[]) {
  return placed.flatMap((one) =>
    Array.from({ length: pendingTokens(one.round) }, (_, i) => {
      const local = one.round.computedTokens + i;
      const token = one.round.tokens[local]!;
      return { round: one.round, row: rowAt(one, local, token) };
    }),
  );
}

function rowAt(
  { round, base }: PlacedRound,
  local: number,
  token: number,
): StepRow {
  return {
    token,
    position: base + local,
    localPosition: local,
    lowerSlot: slotOf(round.lowerPages, local),
    upperSlot: slotOf(round.upperPages, local),
  };
}
