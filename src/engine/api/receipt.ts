/** What a turn did and what it cost. */

export interface Receipt {
  /** `stop`: the model ended; `length`: maxTokens or the context; `aborted`: the caller. */
  finishReason: "stop" | "length" | "aborted";
  /** The round's id in its chat. */
  roundId: number;
  replyTokens: number;
  timeToFirstTokenMs: number;
  /** Of the reply, first token excluded; 0 for replies of one token. */
  decodeTokensPerSecond: number;
  seed: number;
  /** What became of the chat's KV: from engines that keep it themselves. */
  kv?: KvReceipt | undefined;
}

/** Of an engine that keeps KV itself. */
export interface LocalReceipt extends Receipt {
  kv: KvReceipt;
}

export interface KvReceipt {
  /** Tokens of context whose KV was there, on the GPU or in the store. */
  cachedTokens: number;
  /** Of these, tokens of rounds that came from the store since the turn before. */
  restoredTokens: number;
  /** Tokens computed before the first token of the reply. */
  prefilledTokens: number;
  attention: AttentionReport;
  fusion: FusionReport;
  /** From the turn's start to its end; together they are all of it. */
  phases: TurnPhases;
}

/** Where a turn's time went, in milliseconds. */
export interface TurnPhases {
  /** Lower halves were restored or computed again. */
  lowerMs: number;
  /** The question went through the lower layers, stale tokens with it. */
  readMs: number;
  /** Its attention was read back, and rounds were chosen. */
  selectMs: number;
  /** Upper halves were restored or computed again. */
  upperMs: number;
  /** The question went on through the upper layers, to the first token. */
  answerMs: number;
  /** All other tokens. */
  decodeMs: number;
}

/** What a turn found of KV that was computed in another context, and what it did about it. */
export interface FusionReport {
  /** Rounds before this one whose KV is what a full prefill would have made, as far as is known. */
  exactRounds: number;
  /** Rounds whose context is another one now. */
  staleRounds: number;
  /** Of these, rounds of which tokens were computed again. */
  repairedRounds: number;
  /** Tokens of stale rounds. */
  staleTokens: number;
  /** Of these, tokens that were computed again. */
  repairedTokens: number;
  ratio: number;
  /** What it took to find them, and to compute them with the question, in milliseconds. */
  findMs: number;
  repairMs: number;
}

/** What a turn attended to, and how it came to be there. */
export interface AttentionReport {
  /** Rounds before this one. */
  roundCount: number;
  /** Of these, rounds whose lower halves the question read: all that the memory budget holds. */
  readCount: number;
  attended: AttendedRound[];
  /** Share of the question's attention on rounds, at the watershed, that fell on those attended to. */
  capturedMass: number;
  /** Whether the budget left out a round that was asked for. */
  isCut: boolean;
  /** Bytes of KV that the turn needed on the GPU, of `fullKvBytes` for the whole chat. */
  kvBytes: number;
  fullKvBytes: number;
  /** How the halves came to be there. */
  lower: RestoreReport;
  upper: RestoreReport;
}

export interface AttendedRound {
  id: number;
  /** `all`: nothing was chosen. */
  reason: "last" | "pinned" | "mass" | "all";
  /** Share of the question's attention on rounds; 0 where nothing was chosen. */
  mass: number;
}

/** How the KV of a chat came to the GPU, in tokens. */
export interface RestoreReport {
  /** Were there already. */
  keptTokens: number;
  /** Came from the store. */
  restoredTokens: number;
  /** Computed again, because the store had nothing usable or computing is quicker. */
  recomputedTokens: number;
  /** Stored halves that were torn, damaged or another model's, and are dropped now. */
  droppedSegments: number;
}
