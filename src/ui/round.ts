/**
 * One round of a chat as the page shows it: what was said, the reply so far, and where it stands.
 * Plain data and pure functions; conversation.ts keeps the list, round-element.ts draws it.
 *
 *   waiting ──> reading ──> writing ──> done
 *      │           └───────────┴──────> failed
 *      └─> unsent
 */
import type { Receipt, ReplyEvent } from "../engine/chat-engine";

export type RoundPhase =
  "waiting" | "reading" | "writing" | "done" | "failed" | "unsent";

export interface Round {
  readonly id: number;
  readonly message: string;
  readonly phase: RoundPhase;
  /** Markdown, as far as it has come. */
  readonly reply: string;
  /** How far the prefill is; undefined until the engine says. */
  readonly prefill?: { doneTokens: number; totalTokens: number };
  /** Of a finished reply; one that was cut off has none. */
  readonly receipt?: Receipt;
  /** Of a failed round. */
  readonly error?: Error;
  /** Whether the reply was told to stop and has not ended yet. */
  readonly isStopping?: boolean;
  /** Whether the model has not read this round, because another one did. */
  readonly isForgotten?: boolean;
}

export function newRound(id: number, message: string): Round {
  return { id, message, phase: "waiting", reply: "" };
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
