/**
 * Makes KV exact in idle time: inexact rounds are prefilled again, in order, into pages of their own, which
 * replace the old ones when they are done. An interruption costs only the work on the current round.
 */
import { Pins } from "../../memory/residency";
import { newRound } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";
import type { ChatRound } from "../chat/chat-round";
import { readyBranch } from "../chat/kv-state";
import type { TurnContext } from "../open/active-chat";
import { newReport } from "../restore/kv-restore";
import { type FrameRequest, frameOf, seenBy } from "../run/attention-frame";
import { pendingSpans } from "../run/runner";

export interface Healing {
  /** The round that is exact now; undefined if a foreground task interrupted. */
  healed: ChatRound | undefined;
  /** Number of rounds that are not exact yet. */
  roundsLeft: number;
}

type History = Omit<FrameRequest, "own" | "ownTokens">;

/**
 * Heals the first inexact round of the shown branch. No packing may run meanwhile.
 *
 * @param shouldYield asked between submits: whether a foreground task waits
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function healFirst(
  context: TurnContext,
  shouldYield: () => boolean,
): Promise<Healing> {
  const { runner, residency, index, conversation, contextTokens } = context;
  const { rounds } = conversation;
  const { inexact } = await readyBranch(rounds);
  const round = inexact[0];
  if (!round) return { healed: undefined, roundsLeft: 0 };
  const interrupted = { healed: undefined, roundsLeft: inexact.length };
  const made = newRound(round.id, round.tokens, round.context);
  const request: History = {
    history: rounds.slice(0, rounds.indexOf(round)),
    contextTokens,
    ...seenBy(round.attended, index !== undefined),
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
      if (
        !(await bring(
          context,
          before as ChatRound[],
          half,
          request,
          shouldYield,
        ))
      )
        return interrupted;
      await residency.give(made, half);
    }
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const _ of runner.prefill({ frame, rows }))
      if (shouldYield()) return interrupted;
    pins.release();
    for (const half of HALVES) residency.replace(round, half, made);
  } finally {
    pins.release();
    for (const half of HALVES) residency.drop(made, half);
  }
  return { healed: round, roundsLeft: inexact.length - 1 };
}

/** Brings a half of these rounds to the GPU. @returns false if interrupted */
async function bring(
  { restorer, source, conversation }: TurnContext,
  rounds: readonly ChatRound[],
  half: Half,
  history: History,
  shouldYield: () => boolean,
): Promise<boolean> {
  const restored = restorer.restore(rounds, half, source, newReport());
  for await (const round of restored) {
    conversation.restored.add(round as ChatRound);
    if (shouldYield()) return false;
  }
  for await (const _ of restorer.recompute(rounds, half, history))
    if (shouldYield()) return false;
  return true;
}
