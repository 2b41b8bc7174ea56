/** Merges the rounds on the page with the engine's history. Pure functions. */
import type { ChatHistory, HistoryRound } from "../../../engine/api/chats";
import { isKept, isRunning, type Round, type RoundPhase } from "./round";

/** A sent message that the engine may not have saved. */
export interface SentMessage {
  message: string;
  /** The engine's id of the last round before it; -1 for none. */
  afterId: number;
}

/** Whether the message is among the rounds saved since. */
export function isAmong(
  { message, afterId }: SentMessage,
  kept: readonly HistoryRound[],
): boolean {
  return kept.some((round) => round.id > afterId && round.message === message);
}

/**
 * The rounds to show: those of the history, then those that only the page has. A shown round stays, with its receipt,
 * also where the engine has copied it into another branch; another version replaces it. A running round is left
 * alone.
 *
 * @param remembered rounds shown before, by the engine's ids
 */
export function joined(
  shown: readonly Round[],
  { rounds, access }: ChatHistory,
  nextId: () => number,
  remembered: ReadonlyMap<number, Round> = new Map(),
): Round[] {
  const keptIds = new Set(rounds.map(({ id }) => id));
  const usedIds = new Set(shown.map(({ id }) => id));
  const left = new Left(shown, keptIds);
  const kept = rounds.map((past, i) => {
    const same = left.takeSame(past);
    if (same !== undefined && isRunning(same)) return same;
    const copied = same ?? left.takeCopied(past);
    const mate = copied ?? left.takeVersion(past);
    const known = same ?? remembered.get(past.id) ?? copied;
    const name =
      mate?.id ?? (known && !usedIds.has(known.id) ? known.id : nextId());
    usedIds.add(name);
    // In a chat that another tab writes, the last reply may still be coming there.
    const mayGoOn = access === "read" && i === rounds.length - 1;
    return roundOf(past, known, name, mayGoOn);
  });
  return [...kept, ...left.unkept];
}

/** The shown rounds that no saved one has taken yet, found without going through all of them each time. */
class Left {
  /** Those that no engine has saved, as far as is known. */
  readonly unkept: Set<Round>;
  readonly #byKeptId: Map<number, Round>;
  /** Places of those that the history does not have any more. */
  readonly #over: Map<Round, number>;
  #byText: Map<string, Round[]> | undefined;

  constructor(shown: readonly Round[], keptIds: ReadonlySet<number>) {
    const kept = shown.filter(isKept);
    this.unkept = new Set(shown.filter((round) => !isKept(round)));
    this.#byKeptId = new Map(kept.map((round) => [round.keptId, round]));
    this.#over = new Map(
      kept
        .filter(({ keptId }) => !keptIds.has(keptId))
        .map((round, at) => [round, at]),
    );
  }

  takeSame(past: HistoryRound): Round | undefined {
    const same = this.#byKeptId.get(past.id);
    if (same !== undefined) return same;
    for (const round of this.unkept) {
      if (!isAmong(round, [past])) continue;
      this.unkept.delete(round);
      return round;
    }
    return undefined;
  }

  /** Takes the first one that says the same, on another branch. */
  takeCopied(past: HistoryRound): Round | undefined {
    if (this.#over.size === 0) return undefined;
    if (this.#byText === undefined) {
      this.#byText = new Map();
      // The first one comes to lie at the end.
      for (const round of [...this.#over.keys()].toReversed()) {
        const text = textOf(round);
        const known = this.#byText.get(text);
        if (known) known.push(round);
        else this.#byText.set(text, [round]);
      }
    }
    const found = this.#byText.get(textOf(past)) ?? [];
    for (let copy = found.pop(); copy !== undefined; copy = found.pop())
      if (this.#over.delete(copy)) return copy;
    return undefined;
  }

  /** Takes the first one that is a version of it. */
  takeVersion({ versions }: HistoryRound): Round | undefined {
    const [first] = versions
      .map((id) => this.#byKeptId.get(id))
      .filter((round) => round !== undefined && this.#over.has(round))
      .sort((a, b) => this.#over.get(a!)! - this.#over.get(b!)!);
    if (first !== undefined) this.#over.delete(first);
    return first;
  }
}

/** Equal for copies of a round. */
function textOf({
  message,
  reply,
  document,
  calls,
  results,
}: Pick<
  Round,
  "message" | "reply" | "document" | "calls" | "results"
>): string {
  const all = [message, reply, document ?? null, calls ?? null];
  return JSON.stringify([...all, results ?? null]);
}

function roundOf(
  past: HistoryRound,
  known: Round | undefined,
  id: number,
  mayGoOn: boolean,
): Round {
  const { id: keptId, versions, document, message, reply, isFinished } = past;
  const isStopped = known?.ending === "stopped";
  const modelName = past.modelName ?? known?.modelName;
  const isUnanswered = !isFinished && reply === "" && document === undefined;
  return {
    id,
    keptId,
    versions,
    afterId: known?.afterId ?? keptId - 1,
    ...(document !== undefined && { document }),
    message,
    results: past.results,
    phase: isUnanswered && !mayGoOn ? unansweredPhase(known) : "done",
    // A history requested before the reply ended has only its beginning.
    reply:
      known?.receipt && known.reply.startsWith(reply) ? known.reply : reply,
    calls: known?.receipt ? known.calls : past.calls,
    ...(modelName !== undefined && { modelName }),
    ...(past.attended && { attended: past.attended }),
    ...(known?.receipt && { receipt: known.receipt }),
    ...(known?.thoughtMs !== undefined && { thoughtMs: known.thoughtMs }),
    ...(known?.edit && { edit: known.edit }),
    ...(isUnanswered && known?.error && { error: known.error }),
    ...(isStopped && { ending: "stopped" as const }),
    ...(!isFinished &&
      !isUnanswered &&
      !mayGoOn &&
      !known?.receipt && { ending: "cut off" as const }),
  };
}

/** A reply that failed on this page has its error; of others nothing is known. */
function unansweredPhase(known: Round | undefined): RoundPhase {
  return known?.phase === "failed" ? "failed" : "unanswered";
}
