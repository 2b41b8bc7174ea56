/** Replies: options, events and results. */
import type { ToolCall } from "../../store/tools";
import type { MessageOptions } from "./chats";
import type { RestoreOptions } from "./kv-memory";
import type { Receipt } from "./receipt";

/** Replies to messages. */
export interface Replier {
  /**
   * Sends `message` and streams the reply: `addMessage`, then `reply`.
   *
   * @throws as these do; if the reply fails, the message stays in the chat without one
   */
  chat(
    chatId: string,
    message: string,
    options?: ChatReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Answers a message that has no reply, and streams the reply. The last event is always `end`. Aborting ends the
   * reply between two tokens; the text so far stays in the chat (finish reason `aborted`). Leaving the loop early
   * does the same.
   *
   * @throws RangeError if there is no such message, or an option is invalid; SchemaError; ContextFullError, OutOfMemoryError,
   *   DeviceLostError; ChatBusyError if another tab writes the chat
   */
  reply(
    chatId: string,
    roundId: number,
    options?: ReplyOptions,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Adds a document behind the last round. It is prefilled once, right behind the system prompt, and its KV is
   * stored under the hash of its content: every other chat reuses it. `deleteRound` detaches it.
   *
   * @throws ContextFullError if it is too long for the model; ChatBusyError, OutOfMemoryError, DeviceLostError,
   *   StoreError; the signal's reason
   */
  attach(
    chatId: string,
    document: ChatDocument,
    options?: RestoreOptions,
  ): Promise<AttachReport>;
}

/** How the next token is sampled. Defaults: those of generation_config.json, else as noted. */
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
  /** Subtracted from the logits of tokens that the reply has already, -2 to 2. Default 0. */
  presencePenalty: number;
  /** Subtracted from the logit of a token once for each time that the reply has it, -2 to 2. Default 0. */
  frequencyPenalty: number;
  /** Added to logits by token id, each -100 to 100: -100 bans a token. Default: none. */
  logitBias: Readonly<Record<number, number>>;
  /** Same seed, same text. Default: random for each reply. */
  seed: number;
}

/** Which rounds a turn attends to: Round Attention (arXiv 2502.15294). */
export interface AttentionSettings {
  /** `rounds`: those that matter for the question; `all`: every round. Default `rounds`. */
  mode: "rounds" | "all";
  /** Rounds are taken by falling mass until they hold this share. Default: the model's, else 0.9. Not for retrieval heads. */
  tau: number;
  /** At least this many rounds are taken by mass. Default 1, or 3 where retrieval heads choose. */
  kMin: number;
  /** The most bytes of upper halves, or of both where retrieval heads choose. Default: a third of the model's context, or what the memory budget leaves. */
  budgetBytes: number;
  /** Ids of rounds to attend to in any case. */
  pinned: readonly number[];
}

/** How stale KV is repaired for a question: A³ (arXiv 2511.17560). */
export interface FusionSettings {
  /**
   * How the tokens to repair are found: by the question's attention in layer 1, with all stale keys computed
   * afresh (`a3`) or with the cached ones (`lite`); at the watershed (`watershed`); `a3` plus both ends of each
   * stale round (`edges`); or whole rounds by the attention of the calibrated rows, with the cached keys
   * (`rounds`). Default `rounds`: the nearest to a full prefill where it matters, in two thirds of the time of
   * `a3` (docs/measurements.md).
   */
  variant: FusionVariant;
  /** Share of the context that is repaired, from 0 (none) to 1 (all that is stale). Default 0.15. */
  ratio: number;
}

export type FusionVariant = "rounds" | "a3" | "lite" | "watershed" | "edges";

export interface ReplyOptions {
  fusion?: Partial<FusionSettings>;
  sampler?: Partial<SamplerSettings>;
  attention?: Partial<AttentionSettings>;
  /** Whether a reasoning model thinks before it answers. Default true; not where the reply has a format. */
  thinks?: boolean;
  /**
   * What the whole reply must be: a JSON object, or JSON that is valid by a schema. Only tokens are drawn after which
   * it still can be; cut at `maxTokens`, it is the beginning of such a text. docs/schemas.md has the keywords.
   */
  responseFormat?: ResponseFormat;
  /**
   * Whether the reply calls the chat's tools: if the model wants to, not at all, in any case, or this one. Arguments
   * are held to a tool's schema as far as docs/schemas.md has its keywords, else to be an object. Default `auto`.
   */
  toolChoice?: ToolChoice;
  /** Default 1024; limited by the room left in the context. */
  maxTokens?: number;
  /** Texts at whose first appearance the reply ends; nothing of them is shown or kept. At most 16. */
  stop?: readonly string[];
  /**
   * Tells log-probabilities of each token that is drawn, and of so many of the likeliest in its place: 0 to 20. Tokens
   * that a format makes certain are not drawn. Default: none.
   */
  topLogprobs?: number;
  signal?: AbortSignal;
}

/** `name`: of a tool. */
export type ToolChoice = "auto" | "none" | "required" | { name: string };

/** `schema`: a JSON schema, as an object. */
export type ResponseFormat = "json" | { schema: object };

export interface ChatReplyOptions
  extends ReplyOptions, Omit<MessageOptions, "place"> {
  /**
   * Default: at the end. Another version of round j goes behind the round before j: without `before` it begins a
   * branch of its own; with the round after j as `before`, the later rounds are kept.
   */
  place?: MessageOptions["place"];
}

export type ReplyEvent<R extends Receipt = Receipt> =
  | { type: "prefill"; doneTokens: number; totalTokens: number }
  | TextEvent
  /** A call is complete. The reply's text does not have it. */
  | { type: "call"; call: ToolCall }
  | { type: "end"; receipt: R };

export interface TextEvent {
  type: "text";
  text: string;
  /** Of the tokens that this text is made of, where `topLogprobs` asks for them. */
  logprobs?: readonly TokenLogprobs[];
}

export interface TokenLogprob {
  token: number;
  /** What the token alone stands for; "\uFFFD" for a part of a character, "" for marks of the template. */
  text: string;
  /** Natural logarithm of its probability by the model's own logits: before penalties, biases and temperature. */
  logprob: number;
}

export interface TokenLogprobs extends TokenLogprob {
  /** The likeliest tokens in its place, falling. */
  top: readonly TokenLogprob[];
}

/** A text to ask about in a chat. */
export interface ChatDocument {
  name: string;
  text: string;
}

/** What attaching a document took, in tokens. */
export interface AttachReport {
  roundId: number;
  /** Computed now, because no chat had the document before. */
  encodedTokens: number;
  /** Restored from the store. */
  reusedTokens: number;
}
