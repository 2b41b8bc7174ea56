/** A round's tokens, and the state of each of its halves. */
import { type Half, HALVES } from "../util/kv-half";
import { clearPages, type HalfKv, type KvContext, newHalfKv } from "./half-kv";
import type { RowSlots } from "../model/network/step";
import type { KvHalf } from "./kv-cache";
import { PAGE_TOKENS, pagesFor, type PagePool } from "./page-pool";

/** The id of the system prompt's round, which stands before all others. */
export const SYSTEM_ROUND = 0;

/**
 * A user message and its reply, or the system prompt. Pages belong to one round; the token at index i of the
 * round is in page i / 16 of each resident half, at i % 16.
 */
export interface Round {
  readonly id: number;
  readonly tokens: number[];
  readonly lower: HalfKv;
  readonly upper: HalfKv;
  /** What stands before it now; undefined if that does not matter. */
  context?: KvContext | undefined;
  /** The owner of its pages, to which they are given back. Undefined while it has none. */
  owner?: PageOwner | undefined;
}

/** Lends pages to rounds. */
export interface PageOwner {
  /**
   * Marks a half as not computed. Its pages are given back, unless they are pinned: then they stay until others
   * need them.
   */
  clear(round: Round, half: Half): void;
}

/** Marks a round as not computed, whichever pool its pages are from. Its stored KV stays. */
export function clearRound(round: Round): void {
  for (const half of HALVES) {
    if (round.owner) round.owner.clear(round, half);
    else clearPages(round[half]);
  }
}

export function newRound(
  id: number,
  tokens: readonly number[],
  context?: KvContext,
): Round {
  const halves = { lower: newHalfKv(), upper: newHalfKv() };
  return { id, tokens: [...tokens], ...halves, context };
}

/** Tokens of a round that lack KV in a half. */
export function pendingTokens(round: Round, half: Half): number {
  return round.tokens.length - round[half].computedTokens;
}

/** Whether a half is resident: all its tokens have KV on the GPU. */
export function isResident(round: Round, half: Half): boolean {
  return pendingTokens(round, half) === 0;
}

/** Whether both halves are. */
export function isAllResident(round: Round): boolean {
  return HALVES.every((half) => isResident(round, half));
}

/** Whether a half is resident, and as far as that matters its local layers with it. */
export function isReadable(
  round: Round,
  half: Half,
  needsLocal: boolean,
): boolean {
  return isResident(round, half) && !(needsLocal && round[half].lacksLocal);
}

/** Pages that a half lacks to hold `tokens` tokens. */
export function missingPages({ pages }: HalfKv, tokens: number): number {
  return Math.max(0, pagesFor(tokens) - pages.length);
}

/** The same of its local layers. */
export function missingLocalPages(
  { localPages }: HalfKv,
  tokens: number,
): number {
  return Math.max(0, pagesFor(tokens) - localPages.length);
}

/** The pools of a half. */
type HalfPools = Pick<KvHalf, "pool" | "local">;

/**
 * Gives a half pages for `tokens` tokens, no fewer and no more. The pools must have them free.
 *
 * @param hasLocal whether its local layers have pages too
 */
export function fitPages(
  { pages, localPages, lacksLocal }: HalfKv,
  tokens: number,
  { pool, local }: HalfPools,
  hasLocal = !lacksLocal,
): void {
  const wanted = pagesFor(tokens);
  fit(pages, wanted, pool);
  if (local) fit(localPages, hasLocal ? wanted : 0, local.pool);
}

function fit(pages: number[], wanted: number, pool: PagePool): void {
  while (pages.length < wanted) pages.push(pool.take());
  while (pages.length > wanted) pool.give(pages.pop()!);
}

/** Takes a half's pages away. Its KV can be restored or recomputed. */
export function dropPages(kv: HalfKv, pools: HalfPools): void {
  fitPages(kv, 0, pools);
  clearPages(kv);
}

/** Takes the pages of its local layers away, which can be restored. */
export function dropLocalPages(kv: HalfKv, pools: HalfPools): void {
  kv.lacksLocal = true;
  fitPages(kv, PAGE_TOKENS * kv.pages.length, pools);
}

/** The slots of a token of the round in each half and its local layers; 0 where it has no pages, and needs none. */
export function slotsOf(
  { lower, upper }: Round,
  place: number,
): Required<RowSlots> {
  const slotIn = (pages: readonly number[]) =>
    pages.length > 0 ? slotOf(pages, place) : 0;
  return {
    lowerSlot: slotIn(lower.pages),
    upperSlot: slotIn(upper.pages),
    lowerLocalSlot: slotIn(lower.localPages),
    upperLocalSlot: slotIn(upper.localPages),
  };
}

/** The slot of a token of the round in a half: page × 16 + place in the page. */
export function slotOf(pages: readonly number[], place: number): number {
  return (
    pages[Math.floor(place / PAGE_TOKENS)]! * PAGE_TOKENS +
    (place % PAGE_TOKENS)
  );
}
