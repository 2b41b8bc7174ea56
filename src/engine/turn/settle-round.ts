/** Computes the KV of a round's last tokens after its turn, while the user reads. */
import { Pins } from "../../memory/residency";
import type { PlacedRound } from "../../memory/page-table";
import { isAllResident, isReadable } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type { ChatRound } from "../chat/chat-round";
import { readyBranch } from "../chat/kv-state";
import type { TurnContext } from "../open/active-chat";
import { frameOf, seenBy } from "../run/attention-frame";
import { pendingSpans } from "../run/runner";

/**
 * Computes the KV that rounds of the branch still lack, each against what the rest of it was computed against.
 * Does nothing if that is no longer resident, and stops as soon as a foreground task waits: the next turn that
 * needs the round computes it.
 *
 * @param shouldYield asked between submits: whether a foreground task waits
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function settleRounds(
  context: TurnContext,
  shouldYield: () => boolean,
): Promise<void> {
  const { rounds } = context.conversation;
  const { stale } = await readyBranch(rounds);
  for (const round of rounds)
    if (!stale.has(round))
      await settleRound(context, rounds, round, shouldYield);
}

async function settleRound(
  { runner, residency, index, contextTokens }: TurnContext,
  rounds: readonly ChatRound[],
  round: ChatRound,
  shouldYield: () => boolean,
): Promise<void> {
  const isBegun = HALVES.every((half) => round[half].computedTokens > 0);
  if (!isBegun || isAllResident(round)) return;
  if (HALVES.some((half) => round[half].lacksLocal)) return;
  const frame = frameOf({
    history: rounds.slice(0, rounds.indexOf(round)),
    own: [round],
    ownTokens: round.tokens.length,
    contextTokens,
    window: runner.cache.window,
    ...seenBy(round.attended, index !== undefined),
  });
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      const others = frame[half].slice(0, -1);
      const isThere = ({ round: other, isFar }: PlacedRound) =>
        isReadable(other, half, !isFar);
      if (!others.every(isThere)) return;
      for (const one of frame[half]) pins.add(one.round, half);
    }
    for (const half of HALVES) await residency.give(round, half);
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const _ of runner.prefill({ frame, rows }))
      if (shouldYield()) return;
  } finally {
    pins.release();
  }
}
