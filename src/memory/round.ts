/** A round's tokens, and where the KV of each of its halves is. */
import { type Half, HALVES } from "../util/kv-half";
import type { KvCache, KvHalf } from "./kv-cache";
import { PAGE_TOKENS, pagesFor } from "./page-pool";

/**
 * A user message and its reply, or, with id 0, the system prompt before all rounds. Pages belong to
 * one round; the token at place i of the round lies in page i / 16 of each half that is resident, at
 * i % 16.
 */
export interface Round {
  readonly id: number;
  readonly tokens: number[];
  readonly lower: HalfKv;
  readonly upper: HalfKv;
}

/**
 * One half of a round's KV. It is resident when all its tokens are computed, and absent when it has
 * no pages.
 *
 *     tokens  [0 ─────────── computedTokens)[pending ───── tokens.length)
 *     pages   [0 ──────────────────────────────── pagesFor(tokens.length))
 */
export interface HalfKv {
  readonly pages: number[];
  /** KV of the first so many tokens is in the pages. */
  computedTokens: number;
  /** Bytes of its segment in the store; 0 where there is none. */
  storedBytes: number;
}

export function newRound(id: number, tokens: readonly number[]): Round {
  return { id, tokens: [...tokens], lower: newHalf(), upper: newHalf() };
}

function newHalf(): HalfKv {
  return { pages: [], computedTokens: 0, storedBytes: 0 };
}

/** Tokens of a round that lack KV in a half. */
export function pendingTokens(round: Round, half: Half): number {
  return round.tokens.length - round[half].computedTokens;
}

export function isResident(round: Round, half: Half): boolean {
  return pendingTokens(round, half) === 0;
}

/** Pages that a half lacks to hold `tokens` tokens. */
export function missingPages({ pages }: HalfKv, tokens: number): number {
  return Math.max(0, pagesFor(tokens) - pages.length);
}

/** Gives a half pages for `tokens` tokens, no fewer and no more. The pool must have them free. */
export function fitPages(
  { pages }: HalfKv,
  tokens: number,
  { pool }: KvHalf,
): void {
  const wanted = pagesFor(tokens);
  while (pages.length < wanted) pages.push(pool.take());
  while (pages.length > wanted) pool.give(pages.pop()!);
}

/** Takes a half's pages away. Its KV can be restored, or computed again from the tokens. */
export function dropHalf(round: Round, half: Half, cache: KvCache): void {
  fitPages(round[half], 0, cache[half]);
  round[half].computedTokens = 0;
}

/** Forgets pages without giving them back: for when the pools themselves are gone. */
export function forgetPages(round: Round): void {
  for (const half of HALVES) {
    const kv = round[half];
    kv.pages.length = 0;
    kv.computedTokens = 0;
  }
}

/** Where the token at a place of the round lies in the pages of a half: page × 16 + place in the page. */
export function slotOf(pages: readonly number[], place: number): number {
  return (
    pages[Math.floor(place / PAGE_TOKENS)]! * PAGE_TOKENS +
    (place % PAGE_TOKENS)
  );
}
