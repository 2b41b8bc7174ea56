/** What the page shows of a chat, brought together with what the engine kept of it. Pure functions. */
import type { ChatHistory, HistoryRound } from "../engine/chat-engine";
import { isRunning, type Round } from "./round";

/** A message that was sent, of which this page does not know whether the engine keeps it. */
export interface SentMessage {
  message: string;
  /** The engine's name of the last round before it; -1 where there was none. */
  afterId: number;
}

/** Whether the message is one of the rounds that were kept since. */
export function isAmong(
  { message, afterId }: SentMessage,
  kept: readonly HistoryRound[],
): boolean {
  return kept.some((round) => round.id > afterId && round.message === message);
}

/**
 * The rounds to show: those of the history, then those that only this page has. What is shown already
 * stays the same round, with its receipt; one that is running is left alone, and none goes away.
 */
export function joined(
  shown: readonly Round[],
  { rounds, access }: ChatHistory,
  nextId: () => number,
): Round[] {
  const left = [...shown];
  const kept = rounds.map((past, i) => {
    const place = left.findIndex((round) => isSame(round, past));
    const [known] = place < 0 ? [] : left.splice(place, 1);
    if (known !== undefined && isRunning(known)) return known;
    // In a chat that another tab writes, the last reply may still be coming there.
    const mayGoOn = access === "read" && i === rounds.length - 1;
    return roundOf(past, known, mayGoOn, nextId);
  });
  return [...kept, ...left];
}

function isSame({ keptId, message, afterId }: Round, past: HistoryRound) {
  if (keptId !== undefined) return keptId === past.id;
  return isAmong({ message, afterId }, [past]);
}

function roundOf(
  { id, message, reply, isFinished }: HistoryRound,
  known: Round | undefined,
  mayGoOn: boolean,
  nextId: () => number,
): Round {
  const isStopped = known?.ending === "stopped";
  return {
    id: known?.id ?? nextId(),
    keptId: id,
    afterId: known?.afterId ?? id - 1,
    message,
    phase: "done",
    reply,
    ...(known?.receipt && { receipt: known.receipt }),
    ...(isStopped && { ending: "stopped" as const }),
    ...(!isFinished && !mayGoOn && { ending: "cut off" as const }),
  };
}
