/**
 * One round of a chat as the page shows it: what was said, the reply so far, and where it stands.
 * Plain data and pure functions; conversation.ts keeps the list, round-element.ts draws it, history.ts
 * makes one of each round that the engine kept.
 *
 *   waiting ──> reading ──> writing ──> done
 *      │           └───────────┴──────> failed
 *      └─> unsent
 */
import type { Receipt, ReplyEvent } from "../engine/chat-engine";

export type RoundPhase =
  "waiting" | "reading" | "writing" | "done" | "failed" | "unsent";

export interface Round {
  /** The page's name for it; the engine has one of its own. */
  readonly id: number;
  /** The engine's, once it is known to keep the round. */
  readonly keptId?: number;
  /** The engine's name of the last round before this one; -1 where there was none. */
  readonly afterId: number;
  readonly message: string;
  readonly phase: RoundPhase;
  /** Markdown, as far as it has come. */
  readonly reply: string;
  /** How far the prefill is; undefined until the engine says. */
  readonly prefill?: { doneTokens: number; totalTokens: number };
  /** Of a reply that ended while this page was open. */
  readonly receipt?: Receipt;
  /** How the reply ended, where no receipt says it. */
  readonly ending?: "stopped" | "cut off";
  /** Of a failed round. */
  readonly error?: Error;
  /** Whether the reply was told to stop and has not ended yet. */
  readonly isStopping?: boolean;
}

export function newRound(id: number, message: string, afterId: number): Round {
  return { id, afterId, message, phase: "waiting", reply: "" };
}

/** Whether the round still waits for its reply, or for the end of it. */
export function isRunning({ phase }: Round): boolean {
  return phase === "waiting" || phase === "reading" || phase === "writing";
}

/** Whether nothing has gone wrong with the round. */
export function isSound({ phase }: Round): boolean {
  return phase !== "failed" && phase !== "unsent";
}

/** The round after `event`. */
export function takeEvent(round: Round, event: ReplyEvent): Round {
  switch (event.type) {
    case "prefill": {
      const { doneTokens, totalTokens } = event;
      return { ...round, prefill: { doneTokens, totalTokens } };
    }
    case "text":
      return { ...round, phase: "writing", reply: round.reply + event.text };
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

/** The round when its reply broke off with `error`; what had come of it stays. */
export function failRound(round: Round, error: Error): Round {
  return { ...round, phase: "failed", error, isStopping: false };
}
