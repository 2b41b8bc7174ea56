/**
 * One half of a round's KV: the content of its pages, its stored segment, and what each was computed behind.
 * Every change of a half's content goes through a function of this file or of residency.ts, so that one
 * comparison of generations tells whether two contents are the same:
 *
 *     pages   [0 ─────────── computedTokens)[pending ─── tokens.length)      generation, origin
 *     store   one segment, or none                                           stored.generation, .origin
 *
 * Whether a half is exact, stale, approximate or repaired is stored nowhere: it follows from the origin of its
 * content and from what stands before the round now (engine/chat/kv-state.ts).
 */
import type { KvPlace } from "../store/rounds";

/** What stands before a round now: the origin of KV that is computed from here on. */
export interface KvContext {
  /** Hash of all tokens before the round, in order. */
  readonly hash: string;
  /** Whether all KV before it is exact. */
  readonly isExact: boolean;
}

/** What the content of a half was computed behind. */
export interface KvOrigin {
  /** The context's hash; empty if unknown. */
  readonly context: string;
  /** Whether all KV that it was computed with was exact. */
  readonly isExact: boolean;
  /** Whether some of its tokens were computed behind something else: it was repaired for a question. */
  readonly isMixed: boolean;
}

/** A stored half. Copies of a round share it, until they have one of their own. */
export interface StoredKv {
  /** 0 if there is none. */
  bytes: number;
  /** The generation of the pages that it was packed from, or that were filled from it. */
  generation: number;
  origin: KvOrigin | undefined;
}

/** The pages of one half of a round. */
export interface HalfPages {
  readonly pages: number[];
  /** Those of local layers (kv-cache.ts): as many, or none while the half lacks them. */
  readonly localPages: number[];
}

export interface HalfKv extends HalfPages {
  /**
   * Whether its content is there without local layers: nothing that is read is within their windows. They come back
   * from the segment, which has all layers.
   */
  lacksLocal: boolean;
  /** The pages have KV of the first so many tokens. */
  computedTokens: number;
  /** Identifies the content of the pages: any change of it makes another number. */
  generation: number;
  /** What that content was computed behind; undefined if there is none. */
  origin: KvOrigin | undefined;
  stored: StoredKv;
  /** Where the segment is, if it is another round's; undefined: with the round itself. */
  place: KvPlace | undefined;
}

export function newHalfKv(): HalfKv {
  return {
    pages: [],
    localPages: [],
    lacksLocal: false,
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

/** A generation that no content has had. 0 is never one. */
export function newGeneration(): number {
  return ++lastGeneration;
}

/** Nothing is known of the context, as in a round that only lends its pages. */
const UNKNOWN: KvContext = { hash: "", isExact: true };

/**
 * Notes that a token's KV was computed into the pages.
 *
 * @param token its index in the round
 * @param isWhole whether all layers of the half have it now, not only some
 */
export function noteComputed(
  kv: HalfKv,
  token: number,
  { hash, isExact }: KvContext = UNKNOWN,
  isWhole = true,
): void {
  const isNext = token === kv.computedTokens;
  // Places after the computed tokens hold no content yet.
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

/** Whether recomputing a token gives the same KV: behind the same tokens, all of them exact. */
function isRepetition(
  origin: KvOrigin | undefined,
  { hash, isExact }: KvContext,
): boolean {
  const wasExact = origin !== undefined && origin.isExact && !origin.isMixed;
  return wasExact && isExact && origin.context === hash;
}

/** Notes that the pages were filled from the store; those of local layers too, unless it lacks them. */
export function noteRestored(
  kv: HalfKv,
  tokens: number,
  { generation, origin }: Pick<StoredKv, "generation" | "origin">,
): void {
  kv.computedTokens = tokens;
  kv.generation = generation;
  kv.origin = origin;
}

/** Marks the pages as empty: their content is useless. */
export function clearPages(kv: HalfKv): void {
  kv.lacksLocal = false;
  kv.computedTokens = 0;
  kv.generation = newGeneration();
  kv.origin = undefined;
}

/** Notes that a segment was deleted, for all rounds that share it. */
export function clearStored(stored: StoredKv): void {
  stored.bytes = 0;
  stored.origin = undefined;
}

/** Makes the half forget its segment; rounds that share it keep it. */
export function forgetStored(kv: HalfKv): void {
  kv.stored = nothingStored();
  kv.place = undefined;
}

/** Notes that the half's content was stored with the round itself. */
export function noteStored(kv: HalfKv, stored: Readonly<StoredKv>): void {
  // The segment of the other round stays as it was.
  if (kv.place !== undefined) forgetStored(kv);
  Object.assign(kv.stored, stored);
}

export function isStored({ stored }: HalfKv): boolean {
  return stored.bytes > 0;
}

/** Whether the stored segment has the content of the pages. */
export function isStoredAsItIs({ stored, generation }: HalfKv): boolean {
  return stored.bytes > 0 && stored.generation === generation;
}

/** The origin of the pages' content, else of the stored one. Undefined: there is neither. */
export function originOf({
  computedTokens,
  origin,
  stored,
}: HalfKv): KvOrigin | undefined {
  if (computedTokens > 0) return origin;
  return stored.bytes > 0 ? (stored.origin ?? UNKNOWN_ORIGIN) : undefined;
}

/** For a segment that does not record its origin. */
export const UNKNOWN_ORIGIN: KvOrigin = {
  context: "",
  isExact: false,
  isMixed: false,
};
