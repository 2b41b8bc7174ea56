/** A chat as the engine keeps it: the system prompt's round, then a round for each message and its reply. */
import type { KvCache } from "../memory/kv-cache";
import { type PlacedRound, placeRounds } from "../memory/page-table";
import {
  dropPages,
  newRound,
  pendingTokens,
  type Round,
} from "../memory/round";

export class Conversation {
  readonly id: string;
  readonly system: string | undefined;
  /** rounds[0] is the system prompt's. */
  readonly rounds: Round[] = [];

  constructor(id: string, system: string | undefined) {
    this.id = id;
    this.system = system;
  }

  /** Adds a round with these tokens. Ids count up and are never used again within the chat. */
  add(tokens: readonly number[]): Round {
    const round = newRound((this.rounds.at(-1)?.id ?? -1) + 1, tokens);
    this.rounds.push(round);
    return round;
  }

  /** Every round at its position: each follows the one before. */
  placed(): PlacedRound[] {
    return placeRounds(this.rounds);
  }

  get tokenCount(): number {
    return this.rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  /** Tokens that lack KV. */
  get pendingTokens(): number {
    return this.rounds.reduce((sum, round) => sum + pendingTokens(round), 0);
  }

  /** Takes all KV away; it can be computed again from the tokens. */
  drop(cache: KvCache): void {
    for (const round of this.rounds) dropPages(round, cache);
  }

  /** Forgets all KV without giving pages back: for when the pools themselves are gone. */
  forgetPages(): void {
    for (const round of this.rounds) {
      round.lowerPages.length = 0;
      round.upperPages.length = 0;
      round.computedTokens = 0;
    }
  }
}
