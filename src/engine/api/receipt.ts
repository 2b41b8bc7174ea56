/** What a turn did and what it cost. */

export interface Receipt {
  /**
   * `stop`: the model ended the reply; `length`: maxTokens or the context did; `aborted`: the caller did; `cut`: the
   * server's reply broke off, and `server.problem` says why.
   */
  finishReason: "stop" | "length" | "aborted" | "cut";
  /** The round's id in its chat. */
  roundId: number;
  replyTokens: number;
  timeToFirstTokenMs: number;
  /** Decoding speed of the reply, first token excluded; 0 for replies of one token. */
  decodeTokensPerSecond: number;
  /** Undefined where a server chose it. */
  seed?: number | undefined;
  /** What became of the chat's KV; only from engines that keep KV themselves. */
  kv?: KvReceipt | undefined;
  /** Where it ran, if not in this page. */
  server?: ServerReport | undefined;
}

/** From an engine that keeps KV itself. */
export interface LocalReceipt extends Receipt {
  seed: number;
  kv: KvReceipt;
}

/** Of a model on a server. */
export interface ServerReceipt extends Receipt {
  server: ServerReport;
}

export interface ServerReport {
  /** The address of its API. */
  endpoint: string;
  model: string;
  /** Tokens of all that was sent, with the template's; undefined if the server does not say. */
  promptTokens?: number | undefined;
  /** Of these, tokens that its cache had; undefined if the server does not say. */
  cachedTokens?: number | undefined;
  /** Options of this reply that the server does not take, and did without. */
  leftOut: readonly string[];
  /** Why the reply broke off. */
  problem?: string | undefined;
}

export interface KvReceipt {
  /** Tokens of context whose KV was reused, from the GPU or the store. */
  cachedTokens: number;
  /** Of these, tokens of rounds that were restored from the store since the last turn. */
  restoredTokens: number;
  /** Tokens computed before the first token of the reply. */
  prefilledTokens: number;
  attention: AttentionReport;
  fusion: FusionReport;
  /** From the turn's start to its end; the phases add up to the whole. */
  phases: TurnPhases;
}

/** Where a turn's time went, in milliseconds. */
export interface TurnPhases {
  /** Lower halves were restored or computed again. */
  lowerMs: number;
  /** The question, and stale tokens with it, went through the lower layers. */
  readMs: number;
  /** Its attention was read back, and rounds were selected. */
  selectMs: number;
  /** Upper halves were restored or computed again. */
  upperMs: number;
  /** The question went through the upper layers, up to the first token. */
  answerMs: number;
  /** All other tokens. */
  decodeMs: number;
}

/** The stale KV that a turn met, and what it did about it. */
export interface FusionReport {
  /** Rounds before this one with exact KV, as far as is known. */
  exactRounds: number;
  /** Rounds whose context has changed. */
  staleRounds: number;
  /** Of these, rounds with repaired tokens. */
  repairedRounds: number;
  /** Tokens of stale rounds. */
  staleTokens: number;
  /** Of these, tokens that were repaired. */
  repairedTokens: number;
  ratio: number;
  /** Time to find them, and to compute them together with the question, in milliseconds. */
  findMs: number;
  repairMs: number;
}

/** What a turn attended to, and where its KV came from. */
export interface AttentionReport {
  /** Rounds before this one. */
  roundCount: number;
  /** Of these, rounds whose lower halves the question read: as many as the memory budget allows, or the chosen ones. */
  readCount: number;
  attended: AttendedRound[];
  /** Share of the question's attention on rounds, at the watershed or in retrieval heads, that fell on the selected ones. */
  capturedMass: number;
  /** Whether the budget left out a round that was selected. */
  isCut: boolean;
  /**
   * Where retrieval heads chose: how much the most wanted round was asked for, and what a question that asks for
   * nothing reaches. Shares of a head's attention.
   */
  greatestScore?: number | undefined;
  noise?: number | undefined;
  /** Bytes of KV that the turn needed on the GPU, of `fullKvBytes` for the whole chat. */
  kvBytes: number;
  fullKvBytes: number;
  /** Where the halves came from. */
  lower: RestoreReport;
  upper: RestoreReport;
}

export interface AttendedRound {
  id: number;
  /**
   * `mass`: by attention; `words`: by words shared with the question; `recent`: there was room for it; `all`: there
   * was no selection.
   */
  reason: "last" | "pinned" | "mass" | "words" | "recent" | "all";
  /** Share of the question's attention on rounds, or of what retrieval heads gave them; 0 without a selection. */
  mass: number;
}

/** Where the KV of a chat came from, in tokens. */
export interface RestoreReport {
  /** Tokens that were resident already. */
  keptTokens: number;
  /** Tokens restored from the store. */
  restoredTokens: number;
  /** Tokens computed again, because the store had nothing usable or computing is quicker. */
  recomputedTokens: number;
  /** Stored halves that were torn, damaged or another model's; they were dropped. */
  droppedSegments: number;
}
