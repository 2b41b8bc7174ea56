/** A round's tokens, and the pages that hold their KV. */
import type { KvCache } from "./kv-cache";
import { PAGE_TOKENS, pagesFor } from "./page-pool";

/**
 * A user message and its reply, or, with id 0, the system prompt before all rounds. Pages belong to
 * one round; the token at place i of the round lies in page i / 16 of both halves, at i % 16.
 *
 *     tokens  [0 ─────────── computedTokens)[pending ───── tokens.length)
 *     pages   [0 ──────────────────────────────── pagesFor(tokens.length))
 */
export interface Round {
  readonly id: number;
  readonly tokens: number[];
  /** KV of the first so many tokens is in the pages. */
  computedTokens: number;
  readonly lowerPages: number[];
  readonly upperPages: number[];
}

export function newRound(id: number, tokens: readonly number[]): Round {
  return {
    id,
    tokens: [...tokens],
    computedTokens: 0,
    lowerPages: [],
    upperPages: [],
  };
}

export function pendingTokens(round: Round): number {
  return round.tokens.length - round.computedTokens;
}

/** Pages that a round lacks to hold `tokens` tokens. */
export function missingPages(round: Round, tokens: number): number {
  return Math.max(0, pagesFor(tokens) - round.lowerPages.length);
}

/** Gives a round pages for `tokens` tokens, no fewer and no more. The cache must have them free. */
export function fitPages(
  round: Round,
  tokens: number,
  { lower, upper }: KvCache,
): void {
  const wanted = pagesFor(tokens);
  for (const [half, pages] of [
    [lower, round.lowerPages],
    [upper, round.upperPages],
  ] as const) {
    while (pages.length < wanted) pages.push(half.pool.take());
    while (pages.length > wanted) half.pool.give(pages.pop()!);
  }
}

/** Takes a round's KV away. Its tokens stay: the KV can be computed again. */
export function dropPages(round: Round, cache: KvCache): void {
  fitPages(round, 0, cache);
  round.computedTokens = 0;
}

/** Where the token at a place of the round lies in the pages of a half: page × 16 + place in the page. */
export function slotOf(pages: readonly number[], place: number): number {
  return (
    pages[Math.floor(place / PAGE_TOKENS)]! * PAGE_TOKENS +
    (place % PAGE_TOKENS)
  );
}
