/**
 * What the KV of a chat's rounds is worth, against what a full prefill of the branch would make. It is derived
 * from what each half was computed behind and what stands before its round now, and written down nowhere.
 *
 *     exact        computed behind these very tokens, all of them exact
 *     approximate  behind these very tokens, some of whose KV was not exact
 *     stale        behind other tokens: of use for a question once it is repaired
 *     repaired     in part behind other tokens: repaired for a question that was asked
 *
 * All but exact KV is computed again when there is time.
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

/** Of one content, against what stands before its round now. */
function qualityOfContent(
  { context, isExact, isMixed }: KvOrigin,
  now: string,
): KvQuality {
  if (isMixed) return "repaired";
  if (context !== now) return "stale";
  return isExact ? "exact" : "approximate";
}

/**
 * The worst of a round's contents; undefined where there is none.
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

/** Whether a question that reads the KV must have it repaired first. */
function needsRepair(quality: KvQuality | undefined): boolean {
  return quality === "stale" || quality === "repaired";
}

/** Whether the KV of both halves is there, on the GPU or in the store. */
function isWhole(round: Round): boolean {
  return HALVES.every(
    (half) => isResident(round, half) || isStored(round[half]),
  );
}

/** A branch as it stands. */
export interface BranchState {
  /** Hashes of what stands before each round; last of what stands before the next one. */
  contexts: string[];
  /** Rounds whose KV needs repair. */
  stale: Set<ChatRound>;
  /** These, and those whose KV is approximate, in order. */
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
 * Readies a branch for passes over it: each round learns what stands before it now, so that all KV that is
 * computed from here on says what it was computed behind. A stale round of which a half is nowhere forgets
 * the other one, for what is computed again must be of one context.
 */
export async function readyBranch(
  rounds: readonly ChatRound[],
): Promise<BranchState> {
  const before = await stateOf(rounds);
  const torn = [...before.stale].filter((round) => !isWhole(round));
  for (const round of torn) forgetKv(round);
  const state = torn.length === 0 ? before : await stateOf(rounds);
  let isExact = true;
  for (const [i, round] of rounds.entries()) {
    round.context = { hash: state.contexts[i]!, isExact };
    isExact &&= !state.inexact.includes(round);
  }
  return state;
}

/** What stands behind a branch that is ready: the context of a round that follows. */
export function contextBehind({ contexts, inexact }: BranchState): {
  hash: string;
  isExact: boolean;
} {
  return { hash: contexts.at(-1)!, isExact: inexact.length === 0 };
}
