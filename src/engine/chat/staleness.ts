/**
 * Which KV of a chat is what a full prefill would make of it. KV is exact while all tokens before it are
 * those that it was computed with; else it is stale: of use for a question once it is repaired, and
 * computed again when there is time.
 */
import type { Residency } from "../../memory/residency";
import { isResident } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import { contextsOf } from "./context-hash";
import type { ChatRound } from "./conversation";

export interface Staleness {
  /** Of each round, then that of the next one. */
  contexts: string[];
  /** Rounds whose context is another one now. */
  stale: Set<ChatRound>;
  /** These, and rounds that were computed with such before them, in order. */
  inexact: ChatRound[];
}

/** @param rounds a branch, the system prompt's round first */
export async function stalenessOf(
  rounds: readonly ChatRound[],
): Promise<Staleness> {
  const contexts = await contextsOf(rounds);
  const isStale = ({ kvContext }: ChatRound, i: number) =>
    kvContext !== undefined && kvContext !== contexts[i];
  return {
    contexts,
    stale: new Set(rounds.filter(isStale)),
    inexact: rounds.filter(
      (round, i) => isStale(round, i) || round.isApproximate,
    ),
  };
}

/**
 * Has stale rounds of which a half is nowhere forget the other one: what is computed again must be of one
 * context.
 */
export function forgetTorn(
  residency: Residency,
  stale: ReadonlySet<ChatRound>,
): void {
  for (const round of stale) {
    const isWhole = HALVES.every(
      (half) => isResident(round, half) || round[half].storedBytes > 0,
    );
    if (!isWhole) forgetKv(residency, round);
  }
}

/**
 * Has a stale round whose lower half turned out to be lost begin anew: its upper half goes too. The lower
 * one may be pinned.
 */
export function forgetUpper(residency: Residency, round: ChatRound): void {
  residency.drop(round, "upper");
  round.upper.storedBytes = 0;
  round.kvContext = undefined;
  round.kvFrom = undefined;
}

/** Notes what the KV was computed with of rounds that had none before. */
export function noteContexts(
  rounds: readonly ChatRound[],
  contexts: readonly string[],
): void {
  let isExact = true;
  for (const [i, round] of rounds.entries()) {
    const isNew =
      round.kvContext === undefined &&
      HALVES.some((half) => round[half].computedTokens > 0);
    if (isNew) {
      round.kvContext = contexts[i];
      round.isApproximate = !isExact;
    }
    isExact &&= round.kvContext === contexts[i] && !round.isApproximate;
  }
}

/**
 * Has a round's KV computed again when it is needed.
 *
 * @param residency undefined where no model is loaded: no round has pages then
 */
export function forgetKv(
  residency: Residency | undefined,
  round: ChatRound,
): void {
  for (const half of HALVES) {
    residency?.drop(round, half);
    round[half].storedBytes = 0;
  }
  round.kvContext = undefined;
  round.isApproximate = false;
  round.kvFrom = undefined;
  round.isRepaired = false;
  round.pageDigest = undefined;
}
