/**
 * Makes KV exact again while nobody waits: inexact rounds are prefilled anew, in order, into pages of
 * their own, which take the place of the old ones when they are done. Whoever interrupts that loses
 * nothing but what was begun.
 */
import { Pins } from "../../memory/residency";
import { newRound } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type { ChatRound } from "../chat/conversation";
import { frameOf } from "../run/attention-frame";
import { newReport } from "../restore/kv-restore";
import { pendingSpans } from "../run/runner";
import { noteContexts, stalenessOf } from "../chat/staleness";
import type { TurnContext } from "../open/active-chat";

export interface Healing {
  /** The round that is exact now; undefined where somebody else was wanted first. */
  healed: ChatRound | undefined;
  /** Rounds that are not exact yet. */
  roundsLeft: number;
}

/**
 * Heals the first inexact round of the branch that is shown.
 *
 * @param isWanted asked between submits: whether somebody waits
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function healFirst(
  context: TurnContext,
  isWanted: () => boolean,
): Promise<Healing> {
  const { runner, residency, conversation, contextTokens } = context;
  const { rounds } = conversation;
  const { inexact, contexts } = await stalenessOf(rounds);
  const round = inexact[0];
  if (!round) return { healed: undefined, roundsLeft: 0 };
  const interrupted = { healed: undefined, roundsLeft: inexact.length };
  const at = rounds.indexOf(round);
  const made = newRound(round.id, round.tokens);
  const request = {
    history: rounds.slice(0, at),
    contextTokens,
    selected: round.attended === null ? undefined : new Set(round.attended),
  };
  const frame = frameOf({
    ...request,
    own: [made],
    ownTokens: made.tokens.length,
  });
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      const before = frame[half].slice(0, -1).map((one) => one.round);
      for (const one of [...before, made]) pins.add(one, half);
      if (!(await bring(context, before, half, request, isWanted)))
        return interrupted;
      await residency.give(made, half);
    }
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const _ of runner.prefill({ frame, rows }))
      if (isWanted()) return interrupted;
    pins.release();
    for (const half of HALVES) residency.replace(round, half, made);
  } finally {
    pins.release();
    for (const half of HALVES) residency.drop(made, half);
    noteContexts(rounds.slice(0, at), contexts);
  }
  for (const half of HALVES) round[half].storedBytes = 0;
  round.kvContext = contexts[at];
  round.isApproximate = false;
  round.isRepaired = false;
  round.kvFrom = undefined;
  round.pageDigest = undefined;
  return { healed: round, roundsLeft: inexact.length - 1 };
}

/** Has a half of these rounds on the GPU. @returns whether nobody has interrupted that */
async function bring(
  { recall, source }: TurnContext,
  rounds: Parameters<TurnContext["recall"]["restore"]>[0],
  half: (typeof HALVES)[number],
  request: Parameters<TurnContext["recall"]["recompute"]>[2],
  isWanted: () => boolean,
): Promise<boolean> {
  const report = newReport();
  for await (const round of recall.restore(rounds, half, source, report)) {
    (round as ChatRound).isRestored = true;
    if (isWanted()) return false;
  }
  for await (const _ of recall.recompute(rounds, half, request))
    if (isWanted()) return false;
  return true;
}
