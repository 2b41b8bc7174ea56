/** A chat as the engine keeps it: the system prompt's round, then a round for each message and its reply. */
import { newRound, type Round } from "../memory/round";
import type { RestoreReport } from "./chat-engine";

/** A round with what was said in it. */
export interface ChatRound extends Round {
  /** Empty for the system prompt's round. */
  readonly user: string;
  reply: string;
  /** The first so many tokens are the message's, up to where the reply begins. */
  readonly openTokens: number;
  /** Ids of the rounds that its upper KV was computed against, beside the system prompt; null: all before it. */
  attended: readonly number[] | null;
  /** Whether its reply has ended. */
  isFinished: boolean;
  /** Whether its KV came from the store since the last turn. */
  isRestored: boolean;
  /** Of the keys in its lower half, once they were stored; see key-digest.ts. */
  pageDigest: Float32Array | undefined;
}

export interface NewChatRound {
  /** Default: one more than the last round's. */
  id?: number;
  user: string;
  reply?: string;
  tokens: readonly number[];
  openTokens?: number;
  attended?: readonly number[] | null;
  isFinished?: boolean;
  pageDigest?: Float32Array | undefined;
}

export class Conversation {
  readonly id: string;
  readonly system: string | undefined;
  readonly createdMs: number;
  /** rounds[0] is the system prompt's. */
  readonly rounds: ChatRound[] = [];
  /** How lower halves came to the GPU before the next turn asked for them: its receipt says so. */
  warmed: RestoreReport | undefined;

  constructor(
    id: string,
    system: string | undefined,
    createdMs: number = Date.now(),
  ) {
    this.id = id;
    this.system = system;
    this.createdMs = createdMs;
  }

  /** Adds a round behind the others. Ids count up and are never used again within the chat. */
  add({
    id = (this.rounds.at(-1)?.id ?? -1) + 1,
    user,
    reply = "",
    tokens,
    openTokens = tokens.length,
    attended = null,
    isFinished = false,
    pageDigest,
  }: NewChatRound): ChatRound {
    const round = {
      ...newRound(id, tokens),
      user,
      reply,
      openTokens,
      attended,
      isFinished,
      isRestored: false,
      pageDigest,
    };
    this.rounds.push(round);
    return round;
  }

  get tokenCount(): number {
    return this.rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }
}
