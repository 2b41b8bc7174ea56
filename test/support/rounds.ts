/** Both halves of a round at once: tests seldom need to tell them apart. */
import type { KvCache } from "../../src/memory/kv-cache";
import { dropPages, fitPages, type Round } from "../../src/memory/round";
import { HALVES } from "../../src/util/kv-half";

export function reservePages(cache: KvCache, pages: number): Promise<void> {
  return cache.reserve({ lower: pages, upper: pages });
}

/** Gives a round pages for so many tokens in both halves. */
export function fitRound(round: Round, tokens: number, cache: KvCache): void {
  for (const half of HALVES) fitPages(round[half], tokens, cache[half]);
}

/** Takes a round's KV away. */
export function dropRound(round: Round, cache: KvCache): void {
  for (const half of HALVES) dropPages(round[half], cache[half]);
}

/** Has so many tokens of a round count as computed. */
export function markComputed(round: Round, tokens: number): void {
  for (const half of HALVES) round[half].computedTokens = tokens;
}
