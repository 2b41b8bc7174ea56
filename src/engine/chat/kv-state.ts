/**
 * The quality of the KV of a chat's rounds, compared with a full prefill of the branch. It is derived from what
 * each half was computed behind and what stands before its round now, and stored nowhere.
 *
 *     exact        computed behind these very tokens, all of them exact
 *     approximate  behind these very tokens, but some of their KV was not exact
 *     stale        behind other tokens: usable for a question once it is repaired
 *     repaired     partly behind other tokens: repaired for an earlier question
 *
 * Inexact KV is computed again in idle time.
 */
import { isStored, type KvOrigin, originOf } from "../../memory/half-kv";
import { isResident, type Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type { KvQuality } from "../api/memory-snapshot";
import { type ChatRound, forgetKv } from "./chat-round";
import { contextsOf } from "./context-hash";

/** From the best to the worst. */
const QUALITIES: readonly KvQuality[] = [
  "exact",
  "approximate",
  "stale",
  "repaired",
];

/** Of one content, compared with what stands before its round now. */
function qualityOfContent(
  { context, isExact, isMixed }: KvOrigin,
  now: string,
): KvQuality {
  if (isMixed) return "repaired";
  if (context !== now) return "stale";
  return isExact ? "exact" : "approximate";
}

/**
 * The worst quality of a round's contents; undefined if there is none.
 *
 * @param now the hash of all tokens before the round
 */
export function worstQuality(
  origins: readonly (KvOrigin | undefined)[],
  now: string,
): KvQuality | undefined {
  const found = origins.filter((origin) => origin !== undefined);
  const qualities = found.map((origin) => qualityOfContent(origin, now));
  return QUALITIES.findLast((quality) => qualities.includes(quality));
}

/** Of both halves, on the GPU or in the store. */
export function qualityOf(round: Round, now: string): KvQuality | undefined {
  return worstQuality(
    HALVES.map((half) => originOf(round[half])),
    now,
  );
}

/** Whether KV of this quality must be repaired before a question reads it. */
function needsRepair(quality: KvQuality | undefined): boolean {
  return quality === "stale" || quality === "repaired";
}

/** Whether the KV of both halves exists, on the GPU or in the store. */
function isWhole(round: Round): boolean {
  return HALVES.every(
    (half) => isResident(round, half) || isStored(round[half]),
  );
}

/** The state of a branch's KV. */
export interface BranchState {
  /** Context hashes of the rounds; last that of the next one. */
  contexts: string[];
  /** Rounds whose KV needs repair. */
  stale: Set<ChatRound>;
  /** Those, and the ones with approximate KV, in order. */
  inexact: ChatRound[];
}

/** @param rounds a branch as a model reads it, the system prompt's round first */
export async function stateOf(
  rounds: readonly ChatRound[],
): Promise<BranchState> {
  const contexts = await contextsOf(rounds);
  const qualities = rounds.map((round, i) => qualityOf(round, contexts[i]!));
  const isInexact = (_: ChatRound, i: number) =>
    qualities[i] !== undefined && qualities[i] !== "exact";
  return {
    contexts,
    stale: new Set(rounds.filter((_, i) => needsRepair(qualities[i]))),
    inexact: rounds.filter(isInexact),
  };
}

/**
 * Prepares a branch for passes over it: gives each round its current context, so that all KV computed from here
 * on records it. A stale round with only one half left drops that one too, for its halves must be computed behind
 * the same tokens.
 */
export async function readyBranch(
  rounds: readonly ChatRound[],
): Promise<BranchState> {
  const before = await stateOf(rounds);
  const torn = [...before.stale].filter((round) => !isWhole(round));
  for (const round of torn) forgetKv(round);
  const state = torn.length === 0 ? before : await stateOf(rounds);
  const [first] = state.inexact;
  let isExact = true;
  for (const [i, round] of rounds.entries()) {
    round.context = { hash: state.contexts[i]!, isExact };
    isExact &&= round !== first;
  }
  return state;
}

/** The context of a round that follows a prepared branch. */
export function contextBehind({ contexts, inexact }: BranchState): {
  hash: string;
  isExact: boolean;
} {
  return { hash: contexts.at(-1)!, isExact: inexact.length === 0 };
}
