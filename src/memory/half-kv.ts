/**
 * One half of a round's KV: what its pages hold, what the store has of it, and what each of the two was
 * computed behind. All that changes the content of a half is a function of this file or of residency.ts, so
 * that one comparison says whether two contents are the same:
 *
 *     pages   [0 ─────────── computedTokens)[pending ─── tokens.length)      generation, origin
 *     store   one segment, or none                                           stored.generation, .origin
 *
 * Whether a half is exact, stale, approximate or repaired is written down nowhere: it follows from the origin
 * of its content and from what stands before the round now (engine/chat/kv-state.ts).
 */
import type { KvPlace } from "../store/rounds";

/** What stands before a round: KV that is computed for it now is computed behind that. */
export interface KvContext {
  /** Names all tokens before the round, in their order. */
  readonly hash: string;
  /** Whether all KV before it is exact. */
  readonly isExact: boolean;
}

/** What a content of a half was computed behind. */
export interface KvOrigin {
  /** The context's hash; empty where that is not known. */
  readonly context: string;
  /** Whether all KV that it was computed with was exact. */
  readonly isExact: boolean;
  /** Whether some of its tokens were computed behind something else: it was repaired for a question. */
  readonly isMixed: boolean;
}

/** A half as it lies in the store. Copies of a round share it, until they have one of their own. */
export interface StoredKv {
  /** 0 where there is none. */
  bytes: number;
  /** The generation of the pages that it was made of, or that were made of it. */
  generation: number;
  origin: KvOrigin | undefined;
}

export interface HalfKv {
  readonly pages: number[];
  /** KV of the first so many tokens is in the pages. */
  computedTokens: number;
  /** Names the content of the pages: it is another number whenever any of that is another. */
  generation: number;
  /** What that content was computed behind; undefined while there is none. */
  origin: KvOrigin | undefined;
  stored: StoredKv;
  /** Where that lies, when it is another round's, too; undefined: with the round itself. */
  place: KvPlace | undefined;
}

export function newHalfKv(): HalfKv {
  return {
    pages: [],
    computedTokens: 0,
    generation: newGeneration(),
    origin: undefined,
    stored: nothingStored(),
    place: undefined,
  };
}

function nothingStored(): StoredKv {
  return { bytes: 0, generation: 0, origin: undefined };
}

let lastGeneration = 0;

/** A number that no content has had. 0 is never one. */
export function newGeneration(): number {
  return ++lastGeneration;
}

/** Nothing is known of what the KV is computed behind, such as in a round that only lends its pages. */
const UNKNOWN: KvContext = { hash: "", isExact: true };

/**
 * Notes that KV of a token was computed into the pages.
 *
 * @param token its place in the round
 * @param isWhole whether all layers of the half have it now; else it is only some of them
 */
export function noteComputed(
  kv: HalfKv,
  token: number,
  { hash, isExact }: KvContext = UNKNOWN,
  isWhole = true,
): void {
  const isNext = token === kv.computedTokens;
  // What lies behind the computed tokens is no content yet.
  if (token > kv.computedTokens || (isNext && !isWhole)) return;
  const before = token === 0 && isNext ? undefined : kv.origin;
  if (isNext) kv.computedTokens++;
  else if (isRepetition(before, { hash, isExact })) return;
  kv.generation = newGeneration();
  if (before === undefined)
    kv.origin = { context: hash, isExact, isMixed: false };
  else if (before.context !== hash || !isExact)
    kv.origin = {
      context: before.context,
      isExact: before.isExact && isExact,
      isMixed: before.isMixed || before.context !== hash,
    };
}

/** Whether a token that is computed again becomes what it was: behind the same tokens, all of them exact. */
function isRepetition(
  origin: KvOrigin | undefined,
  { hash, isExact }: KvContext,
): boolean {
  const wasExact = origin !== undefined && origin.isExact && !origin.isMixed;
  return wasExact && isExact && origin.context === hash;
}

/** Notes that the pages were filled from the store. */
export function noteRestored(
  kv: HalfKv,
  tokens: number,
  { generation, origin }: Pick<StoredKv, "generation" | "origin">,
): void {
  kv.computedTokens = tokens;
  kv.generation = generation;
  kv.origin = origin;
}

/** Has the pages count as empty: what is in them is of no use. */
export function clearPages(kv: HalfKv): void {
  kv.computedTokens = 0;
  kv.generation = newGeneration();
  kv.origin = undefined;
}

/** Notes that a segment is gone, for all that share it. */
export function clearStored(stored: StoredKv): void {
  stored.bytes = 0;
  stored.origin = undefined;
}

/** Has the half know of no segment (any more); those that share it keep it. */
export function forgetStored(kv: HalfKv): void {
  kv.stored = nothingStored();
  kv.place = undefined;
}

/** Notes that the store has a content of the half, with the round itself. */
export function noteStored(kv: HalfKv, stored: Readonly<StoredKv>): void {
  // What was another's stays that one's.
  if (kv.place !== undefined) forgetStored(kv);
  Object.assign(kv.stored, stored);
}

export function isStored({ stored }: HalfKv): boolean {
  return stored.bytes > 0;
}

/** Whether the store has what the pages hold. */
export function isStoredAsItIs({ stored, generation }: HalfKv): boolean {
  return stored.bytes > 0 && stored.generation === generation;
}

/** The origin of what is to be had of the half: of its pages, else of what is stored. Undefined: there is nothing. */
export function originOf({
  computedTokens,
  origin,
  stored,
}: HalfKv): KvOrigin | undefined {
  if (computedTokens > 0) return origin;
  return stored.bytes > 0 ? (stored.origin ?? UNKNOWN_ORIGIN) : undefined;
}

/** Of a segment that does not say it. */
export const UNKNOWN_ORIGIN: KvOrigin = {
  context: "",
  isExact: false,
  isMixed: false,
};
