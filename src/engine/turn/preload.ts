/** Brings a chat back to the GPU before it is asked anything: what its next turn would do first. */
import { Pins, type Residency } from "../../memory/residency";
import { isResident, pendingTokens, type Round } from "../../memory/round";
import { type Half } from "../../util/kv-half";
import type { RestoreProgress } from "../api/kv-memory";
import type { RestoreReport } from "../api/receipt";
import type { ChatRound, Conversation } from "../chat/conversation";
import {
  forgetTorn,
  forgetUpper,
  noteContexts,
  stalenessOf,
} from "../chat/staleness";
import {
  newReport,
  type Recall,
  type SegmentSource,
} from "../restore/kv-restore";

export interface WarmContext {
  residency: Residency;
  recall: Recall;
  source: SegmentSource;
  conversation: Conversation;
  contextTokens: number;
}

/** Of the pages that a chat could have, how many are filled ahead: the next message needs some too. */
const WARM_SHARE = 0.75;

/**
 * The lower halves of all rounds, or of the newest where there is no room for all, restored or computed
 * again; then the upper halves that the last turn attended to, as far as they are stored: the next turn
 * is likely to want them again. Yields progress over the lower halves.
 *
 * @param report counts the lower halves
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* warm(
  context: WarmContext,
  report: RestoreReport,
): AsyncGenerator<RestoreProgress, void> {
  const { residency, recall, source, conversation, contextTokens } = context;
  const pins = new Pins(residency);
  const { contexts, stale } = await stalenessOf(conversation.rounds);
  forgetTorn(residency, stale);
  try {
    const rounds = newestThatFit(context, conversation.rounds, "lower");
    const totalTokens = rounds.reduce(
      (sum, round) => sum + pendingTokens(round, "lower"),
      0,
    );
    for (const round of rounds) pins.add(round, "lower");
    let doneTokens = 0;
    for await (const round of recall.restore(rounds, "lower", source, report)) {
      (round as ChatRound).isRestored = true;
      doneTokens += round.tokens.length;
      yield { doneTokens, totalTokens };
    }
    for (const round of rounds)
      if (stale.has(round) && !isResident(round, "lower"))
        forgetUpper(residency, round);
    const work = recall.recompute(rounds, "lower", {
      history: conversation.rounds,
      contextTokens,
      selected: new Set(),
      candidates: new Set(rounds.map(({ id }) => id)),
    });
    for await (const _ of work) yield { doneTokens, totalTokens };
    yield { doneTokens: totalTokens, totalTokens };

    const ahead = newestThatFit(context, likelyWanted(conversation), "upper");
    const stored = ahead.filter(
      ({ upper }) => upper.storedBytes > 0 && upper.pages.length === 0,
    );
    for (const round of stored) pins.add(round, "upper");
    for await (const round of recall.restore(
      stored,
      "upper",
      source,
      newReport(),
    ))
      (round as ChatRound).isRestored = true;
  } finally {
    pins.release();
    noteContexts(conversation.rounds, contexts);
  }
}

/** What the next turn is likely to attend to: the system prompt, what the last one did, and its own round. */
export function likelyWanted({ rounds }: Conversation): ChatRound[] {
  const last = rounds.at(-1);
  const attended = last?.attended;
  return rounds.filter(
    (round, i) =>
      i === 0 ||
      round === last ||
      attended === null ||
      attended?.includes(round.id),
  );
}

/** The first of them, which is the system prompt's, and the newest of the others. */
function newestThatFit<R extends Round>(
  { residency }: WarmContext,
  rounds: readonly R[],
  half: Half,
): R[] {
  const { pageBytes } = residency.cache[half];
  let left = WARM_SHARE * residency.availablePages(half, rounds) * pageBytes;
  const newestFirst = rounds.slice(1).toReversed();
  const fitting = new Set(
    [...rounds.slice(0, 1), ...newestFirst].filter(
      ({ tokens }) => (left -= residency.bytesFor(tokens.length, half)) >= 0,
    ),
  );
  return rounds.filter((round) => fitting.has(round));
}
