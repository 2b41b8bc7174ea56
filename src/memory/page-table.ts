/** Places rounds in a chat, and writes the page tables for the attention kernel. */
import type { HalfPages } from "./half-kv";
import { PAGE_TOKENS } from "./page-pool";
import type { Round } from "./round";
import type { Half } from "../util/kv-half";

/** A round and the position of its first token. */
export interface PlacedRound {
  round: Round;
  base: number;
  /**
   * The same for layers with a window. Beyond the trained range `base` may be nearer than the round is in the
   * chat; a window must not see it for that. Default: `base`.
   */
  place?: number;
  /** Whether no row of the pass has it within the window of a local layer: those layers' pages are not read. */
  isFar?: boolean;
}

/** Places each round behind the one before. */
export function placeRounds(
  rounds: readonly Round[],
  start = 0,
): PlacedRound[] {
  let base = start;
  return rounds.map((round) => {
    const placed = { round, base };
    base += round.tokens.length;
    return placed;
  });
}

/** The position after the last round. */
export function endOf(placed: readonly PlacedRound[]): number {
  const last = placed.at(-1);
  return last ? last.base + last.round.tokens.length : 0;
}

/** The rounds that local layers read. */
export function withinWindows(
  placed: readonly PlacedRound[],
): readonly PlacedRound[] {
  return placed.filter(({ isFar }) => !isFar);
}

/**
 * The entry of a round's page: `struct Page` of shared/step.wgsl.
 *
 * @param which its pages in local layers, or in all others
 */
export function pageEntry(
  { round, base, place = base }: PlacedRound,
  half: Half,
  index: number,
  tokens: number,
  which: keyof HalfPages = "pages",
): number[] {
  const first = index * PAGE_TOKENS;
  return [
    round[half][which][index]!,
    base,
    place,
    first,
    Math.min(PAGE_TOKENS, tokens - first),
    round.id,
  ];
}

/** Entries of all pages of the rounds, in order. */
export function pageTable(
  placed: readonly PlacedRound[],
  half: Half,
  which?: keyof HalfPages,
): Uint32Array {
  const words: number[] = [];
  for (const one of placed) {
    const { tokens } = one.round;
    for (let index = 0; index * PAGE_TOKENS < tokens.length; index++) {
      words.push(...pageEntry(one, half, index, tokens.length, which));
    }
  }
  return Uint32Array.from(words);
}

/** The pages of one half of a round, for packing: `struct RoundPages` of shared/packed.wgsl. */
export function roundPages(
  pages: readonly number[],
  tokens: number,
): Uint32Array {
  return Uint32Array.of(pages.length, tokens, ...pages);
}
