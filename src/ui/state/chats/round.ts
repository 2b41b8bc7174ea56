/**
 * One round of a chat as the page shows it: message, reply so far, and phase.
 * Plain data and pure functions; conversation.ts keeps the list, round-element.ts draws it, history.ts makes one of
 * each saved round.
 *
 *   waiting ──> reading ──> writing ──> done
 *      │           └───────────┴──────> failed
 *      └─> unanswered
 */
import type { HistoryRound, RoundText } from "../../../engine/api/chats";
import type { Receipt } from "../../../engine/api/receipt";
import type { ReplyEvent } from "../../../engine/api/replies";
import { thinkingRange } from "../../../model/text/thinking-range";

export type RoundPhase =
  "waiting" | "reading" | "writing" | "done" | "failed" | "unanswered";

export interface Round {
  /** The page's id of its place: another version shown there has the same. */
  readonly id: number;
  /** The engine's id, once the round is saved. */
  readonly keptId?: number;
  /** The engine's id of the last round before this one; -1 for none. */
  readonly afterId: number;
  /** The engine's ids of all versions, its own included; empty until known. */
  readonly versions: readonly number[];
  /** The name, for a document: its text is the message. */
  readonly document?: string;
  readonly message: string;
  /** What the calls in the round before gave. */
  readonly results?: HistoryRound["results"];
  readonly phase: RoundPhase;
  /** Markdown, as far as it has come. */
  readonly reply: string;
  /** What the reply calls. */
  readonly calls?: HistoryRound["calls"];
  /** When its first text came, by `performance.now()`. */
  readonly writtenFromMs?: number;
  /** How long the model thought before its answer; undefined if it did not, or on another visit. */
  readonly thoughtMs?: number;
  /** The model that replied, or is replying: a name as `nameOfId` shortens it; undefined if unknown. */
  readonly modelName?: string;
  /** Progress of the prefill; undefined until the engine reports it. */
  readonly prefill?: { doneTokens: number; totalTokens: number };
  /** The engine's ids of the rounds that the reply attended to; undefined: all before it, or unknown. */
  readonly attended?: readonly number[];
  /** Of a reply that ended while this page was open. */
  readonly receipt?: Receipt;
  /** How the reply ended, without a receipt. */
  readonly ending?: "stopped" | "cut off";
  /** Of a failed round. */
  readonly error?: Error;
  /** The text in the message's editor, while that is open. */
  readonly edit?: RoundEdit;
  /** Whether it is given: the chat begins with it. */
  readonly isGiven?: boolean;
  /** Whether the reply was told to stop and has not ended yet. */
  readonly isStopping?: boolean;
}

export interface RoundEdit {
  readonly text: string;
  /** Why sending failed. */
  readonly error?: Error;
}

/** A saved round. */
export type KeptRound = Round & { readonly keptId: number };

export function newRound(
  id: number,
  message: string,
  afterId: number,
  keptId?: number,
): Round {
  const round = { id, afterId, message, reply: "", versions: [] };
  const kept = keptId === undefined ? {} : { keptId };
  return { ...round, ...kept, phase: "waiting" };
}

/** A given round, for a chat to begin with. */
export function givenRound(
  id: number,
  { message, reply, calls, results }: RoundText,
): Round {
  return {
    ...newRound(id, message, -1),
    phase: "done",
    reply,
    calls,
    results,
    isGiven: true,
  };
}

/** Whether the round is known to be saved. */
export function isKept(round: Round): round is KeptRound {
  return round.keptId !== undefined;
}

/** Whether the reply is still to come or to end. */
export function isRunning({ phase }: Round): boolean {
  return phase === "waiting" || phase === "reading" || phase === "writing";
}

/** Whether the round has not failed. */
export function isSound({ phase }: Round): boolean {
  return phase !== "failed" && phase !== "unanswered";
}

/** The round after `event`. */
export function takeEvent(round: Round, event: ReplyEvent): Round {
  switch (event.type) {
    case "prefill": {
      const { doneTokens, totalTokens } = event;
      return { ...round, prefill: { doneTokens, totalTokens } };
    }
    case "text":
      return takeText(round, event.text, performance.now());
    case "call":
      return {
        ...round,
        phase: "writing",
        calls: [...(round.calls ?? []), event.call],
      };
    case "end":
      return {
        ...round,
        phase: "done",
        keptId: event.receipt.roundId,
        receipt: event.receipt,
        isStopping: false,
      };
    default:
      return event satisfies never;
  }
}

function takeText(round: Round, text: string, nowMs: number): Round {
  const { thoughtMs, writtenFromMs = nowMs } = round;
  const reply = round.reply + text;
  const hasThought =
    thoughtMs === undefined &&
    text.includes(">") &&
    thinkingRange(reply)?.isOver === true;
  return {
    ...round,
    phase: "writing",
    reply,
    writtenFromMs,
    ...(hasThought && { thoughtMs: nowMs - writtenFromMs }),
  };
}

/** The round after its reply failed with `error`; its text so far stays. */
export function failRound(round: Round, error: Error): Round {
  return { ...round, phase: "failed", error, isStopping: false };
}

/** The round, waiting for its reply again. */
export function waitingRound({
  error: _error,
  thoughtMs: _thoughtMs,
  writtenFromMs: _writtenFromMs,
  ...round
}: Round): Round {
  return { ...round, phase: "waiting", reply: "" };
}
