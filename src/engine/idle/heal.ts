/**
 * Makes KV exact in idle time: inexact rounds are prefilled again, in order, a few in one go, each into pages of its own,
 * which replace the old ones when they are done. An interruption costs only the work on the current round.
 */
import { Pins } from "../../memory/residency";
import { newRound, type Round } from "../../memory/round";
import { OutOfMemoryError } from "../../util/errors";
import { type Half, HALVES } from "../../util/kv-half";
import type { ChatRound } from "../chat/chat-round";
import { readyBranch } from "../chat/kv-state";
import type { TurnContext } from "../open/active-chat";
import { newReport } from "../restore/kv-restore";
import {
  farRounds,
  type FrameRequest,
  frameOf,
  seenBy,
} from "../run/attention-frame";
import { pendingSpans } from "../run/runner";

export interface Healing {
  /** The rounds that are exact now; none if a foreground task interrupted the first. */
  healed: ChatRound[];
  /** Number of rounds that are not exact yet. */
  roundsLeft: number;
}

type History = Omit<FrameRequest, "own" | "ownTokens">;

/** Rounds that are healed in one go: what has to be known of all rounds of a chat is found out once for them. */
const BATCH_ROUNDS = 8;

/**
 * Heals the first inexact rounds of the shown branch. No packing may run meanwhile.
 *
 * @param shouldYield asked between submits: whether a foreground task waits
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function healSome(
  context: TurnContext,
  shouldYield: () => boolean,
): Promise<Healing> {
  const { residency, conversation } = context;
  const { rounds } = conversation;
  const { contexts, inexact } = await readyBranch(rounds);
  const places = new Map(rounds.map((round, at) => [round, at]));
  // What is healed is not stored yet: evicted, it would come back as it was.
  const pins = new Pins(residency);
  const healed: ChatRound[] = [];
  try {
    for (const round of inexact.slice(0, BATCH_ROUNDS)) {
      if (healed.length > 0 && shouldYield()) break;
      const at = places.get(round)!;
      // All before it is exact by now.
      const made = newRound(round.id, round.tokens, {
        hash: contexts[at]!,
        isExact: true,
      });
      const before = rounds.slice(0, at);
      if (!(await healRound(context, before, round, made, shouldYield))) break;
      for (const half of HALVES) pins.add(round, half);
      healed.push(round);
    }
  } catch (error) {
    // The pinned ones may have taken the room.
    if (!(error instanceof OutOfMemoryError) || healed.length === 0)
      throw error;
  } finally {
    pins.release();
  }
  return { healed, roundsLeft: inexact.length - healed.length };
}

/** @returns false if interrupted */
async function healRound(
  context: TurnContext,
  history: readonly ChatRound[],
  round: ChatRound,
  made: Round,
  shouldYield: () => boolean,
): Promise<boolean> {
  const { runner, residency, index, contextTokens } = context;
  const request: History = {
    history,
    contextTokens,
    window: runner.cache.window,
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
          farRounds(frame, half),
          request,
          shouldYield,
        ))
      )
        return false;
      await residency.give(made, half);
    }
    const rows = pendingSpans(frame.lower.slice(-1));
    for await (const _ of runner.prefill({ frame, rows }))
      if (shouldYield()) return false;
    pins.release();
    for (const half of HALVES) residency.replace(round, half, made);
  } finally {
    pins.release();
    for (const half of HALVES) residency.drop(made, half);
  }
  return true;
}

/** Brings a half of these rounds to the GPU. @returns false if interrupted */
async function bring(
  { restorer, source, conversation }: TurnContext,
  rounds: readonly ChatRound[],
  half: Half,
  far: ReadonlySet<Round>,
  history: History,
  shouldYield: () => boolean,
): Promise<boolean> {
  const restored = restorer.restore(rounds, half, source, newReport(), far);
  for await (const round of restored) {
    conversation.restored.add(round as ChatRound);
    if (shouldYield()) return false;
  }
  for await (const _ of restorer.recompute(rounds, half, history, source))
    if (shouldYield()) return false;
  return true;
}
