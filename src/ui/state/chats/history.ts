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
  const left = [...shown];
  /** Takes the first remaining round that matches. */
  const take = (does: (round: Round) => boolean): Round | undefined => {
    const place = left.findIndex(does);
    return place < 0 ? undefined : left.splice(place, 1)[0];
  };
  const isOver = ({ keptId }: Round) =>
    keptId !== undefined && !keptIds.has(keptId);
  const kept = rounds.map((past, i) => {
    const same = take((round) => isSame(round, past));
    if (same !== undefined && isRunning(same)) return same;
    const copied = same ?? take((one) => isOver(one) && isCopy(one, past));
    const mate = copied ?? take((one) => isOver(one) && isVersion(one, past));
    const known = same ?? remembered.get(past.id) ?? copied;
    const name =
      mate?.id ?? (known && !usedIds.has(known.id) ? known.id : nextId());
    usedIds.add(name);
    // In a chat that another tab writes, the last reply may still be coming there.
    const mayGoOn = access === "read" && i === rounds.length - 1;
    return roundOf(past, known, name, mayGoOn);
  });
  return [...kept, ...left.filter((round) => !isKept(round))];
}

function isSame({ keptId, message, afterId }: Round, past: HistoryRound) {
  if (keptId !== undefined) return keptId === past.id;
  return isAmong({ message, afterId }, [past]);
}

/** Whether it is a copy, on another branch. */
function isCopy(
  { message, reply, document }: Round,
  past: HistoryRound,
): boolean {
  return (
    message === past.message &&
    reply === past.reply &&
    document === past.document
  );
}

/** Whether both are versions of one round. */
function isVersion({ keptId }: Round, { versions }: HistoryRound): boolean {
  return keptId !== undefined && versions.includes(keptId);
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
    phase: isUnanswered && !mayGoOn ? unansweredPhase(known) : "done",
    // A history requested before the reply ended has only its beginning.
    reply:
      known?.receipt && known.reply.startsWith(reply) ? known.reply : reply,
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
