/** Brings a chat back to the GPU before the next question: what its next turn would do first. */
import { isStored } from "../../memory/half-kv";
import type { KeyIndex } from "../../memory/key-index";
import { Pins, type Residency } from "../../memory/residency";
import { isResident, pendingTokens, type Round } from "../../memory/round";
import type { Half } from "../../util/kv-half";
import type { RestoreProgress } from "../api/kv-memory";
import type { RestoreReport } from "../api/receipt";
import { type ChatRound, forgetKv } from "../chat/chat-round";
import { readyBranch } from "../chat/kv-state";
import type { TurnContext } from "../open/active-chat";
import { farFromEnd } from "../run/attention-frame";
import { newReport } from "../restore/kv-restore";

type PreloadContext = Pick<
  TurnContext,
  | "residency"
  | "index"
  | "restorer"
  | "source"
  | "conversation"
  | "contextTokens"
>;

/** Share of the pages available to a chat that is filled ahead: the next message needs some too. */
const PRELOADED_SHARE = 0.75;

/**
 * The lower halves of all rounds (or of the newest, if there is no room for all), restored or recomputed; then
 * the stored upper halves that the last turn attended to, because the next turn will likely need them again. With
 * retrieval heads these rounds alone, and the keys of all.
 * Yields progress over the lower halves.
 *
 * @param report counts the lower halves
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* preload(
  context: PreloadContext,
  report: RestoreReport,
): AsyncGenerator<RestoreProgress, void> {
  const { residency, index, restorer, source, conversation, contextTokens } =
    context;
  const history = conversation.rounds;
  const pins = new Pins(residency);
  const { stale } = await readyBranch(history);
  const note = (round: Round) => conversation.restored.add(round as ChatRound);
  try {
    // Retrieval heads need the keys of all rounds, and of other KV only what they chose.
    const wanted = index ? likelyWanted(history) : history;
    const rounds = newestThatFit(residency, wanted, "lower");
    const totalTokens = rounds.reduce(
      (sum, round) => sum + pendingTokens(round, "lower"),
      0,
    );
    for (const round of rounds) pins.add(round, "lower");
    let doneTokens = 0;
    const far = farFromEnd(history, residency.cache.window);
    const restored = restorer.restore(rounds, "lower", source, report, far);
    for await (const round of restored) {
      note(round);
      doneTokens += round.tokens.length;
      yield { doneTokens, totalTokens };
    }
    // Recomputed KV must all be of one context.
    for (const round of rounds)
      if (stale.has(round) && !isResident(round, "lower")) forgetKv(round);
    const ids = new Set(rounds.map(({ id }) => id));
    const work = restorer.recompute(
      rounds,
      "lower",
      {
        history,
        contextTokens,
        ...(index
          ? { attended: ids }
          : { selected: new Set(), candidates: ids }),
      },
      source,
      (round) => stale.has(round as ChatRound) && forgetKv(round as ChatRound),
    );
    for await (const _ of work) yield { doneTokens, totalTokens };
    yield { doneTokens: totalTokens, totalTokens };

    const ahead = newestThatFit(residency, likelyWanted(history), "upper");
    const stored = ahead.filter(
      ({ upper }) => isStored(upper) && upper.pages.length === 0,
    );
    for (const round of stored) pins.add(round, "upper");
    const uppers = restorer.restore(stored, "upper", source, newReport(), far);
    for await (const round of uppers) note(round);
    if (index) await writeKeys(index, history);
  } finally {
    pins.release();
  }
}

/** Writes the stored keys of retrieval heads into the index. */
async function writeKeys(
  index: KeyIndex,
  rounds: readonly ChatRound[],
): Promise<void> {
  const stored = rounds.filter(
    (round) => !index.has(round) && index.canWrite(round, round.indexKeys),
  );
  await index.write(stored, (round) => (round as ChatRound).indexKeys!);
}

/** What the next turn will likely attend to: the system prompt, what the last one did, and its own round. */
export function likelyWanted(rounds: readonly ChatRound[]): ChatRound[] {
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
  residency: Residency,
  rounds: readonly R[],
  half: Half,
): R[] {
  const { pageBytes } = residency.cache[half];
  let left =
    PRELOADED_SHARE * residency.availablePages(half, rounds) * pageBytes;
  const newestFirst = rounds.slice(1).toReversed();
  const fitting = new Set(
    [...rounds.slice(0, 1), ...newestFirst].filter(
      ({ tokens }) => (left -= residency.bytesFor(tokens.length, half)) >= 0,
    ),
  );
  return rounds.filter((round) => fitting.has(round));
}
