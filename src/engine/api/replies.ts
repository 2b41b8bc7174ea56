/** Replies: how they are asked for and what comes of it. */
import type { MessagePlace } from "./chats";
import type { RestoreOptions } from "./kv-memory";
import type { Receipt } from "./receipt";

/** Replies to messages. */
export interface Replier {
  /**
   * Sends `message` and streams the reply: `addMessage`, then `reply`.
   *
   * @throws as these do; where the reply fails the message is in the chat still, without one
   */
  chat(
    chatId: string,
    message: string,
    options?: ChatReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Answers a message that has no reply, and streams that. The last event is always `end`. Aborting ends the
   * reply between two tokens; what was said until then stays in the chat (finish reason `aborted`). Leaving
   * the loop early does the same.
   *
   * @throws RangeError where there is no such message, or an option is none; ContextFullError,
   *   OutOfMemoryError, DeviceLostError; ChatBusyError where another tab writes the chat
   */
  reply(
    chatId: string,
    roundId: number,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Puts a document behind the last round. It is read once, right behind the system prompt, and its KV
   * is kept under the hash of its content: in any other chat nothing of it is computed again. `deleteRound`
   * detaches it.
   *
   * @throws ContextFullError where it is too long for the model; ChatBusyError, OutOfMemoryError,
   *   DeviceLostError, StoreError; the signal's reason
   */
  attach(
    chatId: string,
    document: ChatDocument,
    options?: RestoreOptions,
  ): Promise<AttachReport>;
}

/** How the next token is drawn. Defaults: generation_config.json's, else as noted. */
export interface SamplerSettings {
  /** 0 is greedy. Default 0.7. */
  temperature: number;
  /** Keep the k likeliest tokens; 0 keeps all. Default 0. */
  topK: number;
  /** Keep the smallest set of tokens with at least this probability; 1 keeps all. Default 0.9. */
  topP: number;
  /** Keep tokens at least this share as likely as the likeliest; 0 keeps all. Default 0. */
  minP: number;
  /** Divides positive and multiplies negative logits of tokens already in the chat; 1 is off. Default 1. */
  repetitionPenalty: number;
  /** Same seed, same text. Default: drawn anew for each reply. */
  seed: number;
}

/** Which rounds a turn attends to: Round Attention (arXiv 2502.15294). */
export interface AttentionSettings {
  /** `rounds`: those that matter for the question; `all`: every one. Default `rounds`. */
  mode: "rounds" | "all";
  /** Rounds are taken by falling mass until they hold this share. Default: the model's, else 0.9. */
  tau: number;
  /** At least so many rounds are taken by mass. Default 1. */
  kMin: number;
  /** Bytes of upper halves at most. Default: a third of the model's context, or what the memory budget leaves. */
  budgetBytes: number;
  /** Ids of rounds that are always attended to. */
  pinned: readonly number[];
}

/** How KV that was computed in another context is repaired for a question: A³ (arXiv 2511.17560). */
export interface FusionSettings {
  /**
   * How the tokens to compute again are found: by what the question looks at in layer 1, with all stale keys
   * computed afresh (`a3`) or with the cached ones (`lite`); at the watershed (`watershed`); `a3` with both
   * ends of each stale round (`edges`); or whole rounds by what the calibrated rows of the question look at
   * with the cached keys (`rounds`). Default `rounds`: the nearest to a full prefill where it matters, in
   * two thirds of the time of `a3` (docs/measurements.md).
   */
  variant: FusionVariant;
  /** Share of the context that is computed again, from 0 (none) to 1 (all that is stale). Default 0.15. */
  ratio: number;
}

export type FusionVariant = "rounds" | "a3" | "lite" | "watershed" | "edges";

export interface ReplyOptions {
  fusion?: Partial<FusionSettings>;
  sampler?: Partial<SamplerSettings>;
  attention?: Partial<AttentionSettings>;
  /** Whether a model that can thinks before it answers. Default true. */
  thinks?: boolean;
  /** Default 1024; never more than the context has room for. */
  maxTokens?: number;
  signal?: AbortSignal;
}

export interface ChatReplyOptions extends ReplyOptions {
  /**
   * Default: behind all. Another version of round j goes behind the round before j: without `before` it
   * begins a branch of its own; with the round behind j as `before` what was said later is kept.
   */
  place?: MessagePlace | undefined;
}

export type ReplyEvent<R extends Receipt = Receipt> =
  | { type: "prefill"; doneTokens: number; totalTokens: number }
  | { type: "text"; text: string }
  | { type: "end"; receipt: R };

/** Text that a chat can be asked about. */
export interface ChatDocument {
  name: string;
  text: string;
}

/** What attaching a document took, in tokens. */
export interface AttachReport {
  roundId: number;
  /** Computed now, because no chat has had the document before. */
  encodedTokens: number;
  /** Found in the store. */
  reusedTokens: number;
}
