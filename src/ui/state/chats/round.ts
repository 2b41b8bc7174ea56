/**
 * One round of a chat as the page shows it: what was said, the reply so far, and where it stands.
 * Plain data and pure functions; conversation.ts keeps the list, round-element.ts draws it, history.ts
 * makes one of each round that the engine kept.
 *
 *   waiting ──> reading ──> writing ──> done
 *      │           └───────────┴──────> failed
 *      └─> unanswered
 */
import type { RoundText } from "../../../engine/api/chats";
import type { Receipt } from "../../../engine/api/receipt";
import type { ReplyEvent } from "../../../engine/api/replies";

export type RoundPhase =
  "waiting" | "reading" | "writing" | "done" | "failed" | "unanswered";

export interface Round {
  /** The page's name for its place: another version that is shown there has the same. */
  readonly id: number;
  /** The engine's, once it is known to keep the round. */
  readonly keptId?: number;
  /** The engine's name of the last round before this one; -1 where there was none. */
  readonly afterId: number;
  /** The engine's names of all that were said in its place, its own among them; empty until that is known. */
  readonly versions: readonly number[];
  /** The document's name, where it is one: its text is the message then. */
  readonly document?: string;
  readonly message: string;
  readonly phase: RoundPhase;
  /** Markdown, as far as it has come. */
  readonly reply: string;
  /** How far the prefill is; undefined until the engine says. */
  readonly prefill?: { doneTokens: number; totalTokens: number };
  /** The engine's names of the rounds that the reply attended to; not there: all before it, or not known. */
  readonly attended?: readonly number[];
  /** Of a reply that ended while this page was open. */
  readonly receipt?: Receipt;
  /** How the reply ended, where no receipt says it. */
  readonly ending?: "stopped" | "cut off";
  /** Of a failed round. */
  readonly error?: Error;
  /** The message as it stands in its editor, while it is in one. */
  readonly edit?: RoundEdit;
  /** Whether it was said elsewhere: the chat begins with it. */
  readonly isGiven?: boolean;
  /** Whether the reply was told to stop and has not ended yet. */
  readonly isStopping?: boolean;
}

export interface RoundEdit {
  readonly text: string;
  /** Why the text could not be sent. */
  readonly error?: Error;
}

/** A round that the engine keeps. */
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

/** A round that was said elsewhere, for a chat to begin with. */
export function givenRound(id: number, { message, reply }: RoundText): Round {
  return {
    ...newRound(id, message, -1),
    phase: "done",
    reply,
    isGiven: true,
  };
}

/** Whether the engine is known to keep the round. */
export function isKept(round: Round): round is KeptRound {
  return round.keptId !== undefined;
}

/** Whether the round still waits for its reply, or for the end of it. */
export function isRunning({ phase }: Round): boolean {
  return phase === "waiting" || phase === "reading" || phase === "writing";
}

/** Whether nothing has gone wrong with the round. */
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

/** The round as it waits for its reply, once more where it has waited before. */
export function waitingRound({ error: _, ...round }: Round): Round {
  return { ...round, phase: "waiting", reply: "" };
}
