/** Chat completions over an engine: `create` of OpenAI's client, streaming and not. */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ToolCall } from "../../engine/api/chats";
import type { Receipt } from "../../engine/api/receipt";
import type {
  ReplyEvent,
  TextEvent,
  TokenLogprob,
} from "../../engine/api/replies";
import { anySignal } from "../../util/any-signal";
import { runOn } from "../chats/run-on";
import { StatelessChats } from "../chats/stateless-chats";
import { ApiError, asApiError } from "./api-error";
import { type ReadRequest, readRequest } from "./request";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChunkChoice,
  FinishReason,
  Logprobs,
  ModelEntry,
  NamedLogprob,
  StreamedRequest,
  ToolCallMessage,
  Usage,
  WholeRequest,
} from "./types";

export interface CompletionsOptions {
  /** The name by which clients ask for the loaded model. Default: its own. */
  model?: string | undefined;
  /**
   * Whether the chats are in the user's list of chats. Default false: they are kept apart, and found again after a
   * reload.
   */
  isListed?: boolean | undefined;
  /** How many chats are known at most; beyond that those not in the list are deleted. Default 32. */
  mostChats?: number | undefined;
}

export interface CreateOptions {
  /** Stops the reply; what was asked for rejects with the signal's reason. */
  signal?: AbortSignal | null | undefined;
}

/** Ends a reply as if it were complete, with the finish reason `abort`. */
export interface Interruptible extends CreateOptions {
  interrupt?: AbortSignal;
}

const OWNER = "rondo/openai";
const MOST_CHATS = 32;

export class Completions {
  readonly #engine: ChatEngine;
  readonly #chats: StatelessChats;
  readonly #alias: string | undefined;
  /** The loaded model's name, once it was asked for. */
  #loaded: string | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    engine: ChatEngine,
    { model, isListed = false, mostChats = MOST_CHATS }: CompletionsOptions,
  ) {
    this.#engine = engine;
    this.#alias = model;
    const owner = isListed ? undefined : OWNER;
    this.#chats = new StatelessChats(engine, { owner, mostChats });
  }

  /** @throws ApiError; the signal's reason */
  create(
    request: StreamedRequest,
    options?: CreateOptions,
  ): Promise<AsyncGenerator<ChatCompletionChunk, void>>;
  create(
    request: WholeRequest,
    options?: CreateOptions,
  ): Promise<ChatCompletion>;
  create(
    request: StreamedRequest | WholeRequest,
    options?: CreateOptions,
  ): Promise<ChatCompletion | AsyncGenerator<ChatCompletionChunk, void>>;
  create(
    request: unknown,
    options: CreateOptions = {},
  ): Promise<ChatCompletion | AsyncGenerator<ChatCompletionChunk, void>> {
    return this.answer(request, options);
  }

  /**
   * The same for what was not checked, and with a way to end a reply.
   *
   * @internal
   */
  async answer(
    body: unknown,
    { signal, interrupt }: Interruptible,
  ): Promise<ChatCompletion | AsyncGenerator<ChatCompletionChunk, void>> {
    const request = readRequest(body);
    try {
      signal?.throwIfAborted();
      await this.#checkModel(request.model);
      const events = this.#reply(request, signal ?? undefined, interrupt);
      const chunks = chunksOf(events, request);
      // What is wrong with the request shows before the first chunk.
      const first = await chunks.next();
      const all = (async function* () {
        try {
          if (!first.done) yield first.value;
          yield* chunks;
        } catch (error) {
          throw failure(error, signal);
        }
      })();
      return request.streams ? withoutUsage(all, request) : await whole(all);
    } catch (error) {
      throw failure(error, signal);
    }
  }

  /** The models that can be asked for: the loaded one. */
  async models(): Promise<ModelEntry[]> {
    const name = await this.#modelName();
    return name === undefined
      ? []
      : [{ id: name, object: "model", created: 0, owned_by: "rondo" }];
  }

  /** Deletes the chats that were kept for clients. */
  clear(): Promise<void> {
    return this.#chats.clear();
  }

  async *#reply(
    { asked, options }: ReadRequest,
    signal: AbortSignal | undefined,
    interrupt: AbortSignal | undefined,
  ): AsyncGenerator<ReplyEvent, void> {
    const left = new AbortController();
    const any = anySignal([signal, interrupt, left.signal]);
    const events = this.#chats.reply(asked, { ...options, signal: any.signal });
    try {
      yield* runOn(events, () => left.abort(), signal);
    } finally {
      any.release();
    }
  }

  /** @throws ApiError */
  async #checkModel(wanted: string): Promise<void> {
    const name = await this.#modelName();
    if (wanted === name) return;
    const fields = { param: "model", code: "model_not_found" };
    throw new ApiError(
      404,
      name === undefined
        ? "No model is loaded: call engine.load() first."
        : `The model ${wanted} is not loaded; ${name} is.`,
      fields,
    );
  }

  async #modelName(): Promise<string | undefined> {
    if (this.#alias !== undefined) return this.#alias;
    // Each model that is loaded changes what memory holds of all chats.
    this.#stopListening ??= this.#engine.onNotice((notice) => {
      if (notice.type === "memory-changed" && notice.chatId === undefined)
        this.#loaded = undefined;
    });
    this.#loaded ??= (await this.#engine.memory()).model?.name;
    return this.#loaded;
  }
}

/** An abort is passed on as it is: callers know its reason. */
function failure(
  error: unknown,
  signal: AbortSignal | null | undefined,
): unknown {
  return signal?.aborted ? (signal.reason as unknown) : asApiError(error);
}

/** The last chunk has the usage, and no choice. */
async function* chunksOf(
  events: AsyncIterable<ReplyEvent>,
  { model }: ReadRequest,
): AsyncGenerator<ChatCompletionChunk, void> {
  const head = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    object: "chat.completion.chunk" as const,
    created: Math.floor(Date.now() / 1000),
    model,
  };
  const chunk = (
    delta: ChunkChoice["delta"],
    finish_reason: FinishReason | null = null,
    logprobs: Logprobs | null = null,
  ): ChatCompletionChunk => ({
    ...head,
    choices: [{ index: 0, delta, logprobs, finish_reason }],
    usage: null,
  });
  let hasBegun = false;
  let calls = 0;
  for await (const event of events) {
    if (!hasBegun) yield chunk({ role: "assistant", content: "" });
    hasBegun = true;
    if (event.type === "text")
      yield chunk({ content: event.text }, null, logprobsOf(event));
    if (event.type === "call")
      yield chunk({
        tool_calls: [{ index: calls++, ...callMessage(event.call) }],
      });
    if (event.type !== "end") continue;
    yield chunk({}, finishReason(event.receipt, calls > 0));
    yield { ...head, choices: [], usage: usageOf(event.receipt) };
  }
}

async function* withoutUsage(
  chunks: AsyncIterable<ChatCompletionChunk>,
  { withUsage }: ReadRequest,
): AsyncGenerator<ChatCompletionChunk, void> {
  for await (const { usage, ...chunk } of chunks) {
    if (withUsage) yield { ...chunk, usage: usage ?? null };
    else if (chunk.choices.length > 0) yield chunk;
  }
}

async function whole(
  chunks: AsyncIterable<ChatCompletionChunk>,
): Promise<ChatCompletion> {
  let content = "";
  let finish_reason: FinishReason = "stop";
  const told: Logprobs["content"] = [];
  const tool_calls: ToolCallMessage[] = [];
  for await (const { choices, usage, ...head } of chunks) {
    for (const choice of choices) {
      content += choice.delta.content ?? "";
      finish_reason = choice.finish_reason ?? finish_reason;
      for (const { index: _, ...call } of choice.delta.tool_calls ?? [])
        tool_calls.push(call);
      told.push(...(choice.logprobs?.content ?? []));
    }
    if (!usage) continue;
    const logprobs = told.length > 0 ? { content: told, refusal: null } : null;
    const message = {
      role: "assistant" as const,
      content: content === "" && tool_calls.length > 0 ? null : content,
      refusal: null,
      ...(tool_calls.length > 0 && { tool_calls }),
    };
    return {
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message, logprobs, finish_reason }],
      usage,
    };
  }
  throw new Error("A reply ended without its receipt.");
}

function logprobsOf({ logprobs }: TextEvent): Logprobs | null {
  if (logprobs === undefined) return null;
  const named = ({ text, logprob }: TokenLogprob): NamedLogprob => ({
    token: text,
    logprob,
    // A part of a character has bytes that its text does not say.
    bytes: text.includes("\uFFFD") ? null : [...new TextEncoder().encode(text)],
  });
  const content = logprobs.map((one) => ({
    ...named(one),
    top_logprobs: one.top.map(named),
  }));
  return { content, refusal: null };
}

function callMessage({
  id,
  name,
  arguments: given,
}: ToolCall): ToolCallMessage {
  const called = { name, arguments: JSON.stringify(given) };
  return { id, type: "function", function: called };
}

function finishReason(
  { finishReason }: Receipt,
  hasCalls: boolean,
): FinishReason {
  if (finishReason === "aborted" || finishReason === "cut") return "abort";
  return finishReason === "stop" && hasCalls ? "tool_calls" : finishReason;
}

function usageOf({ kv, server, replyTokens }: Receipt): Usage {
  const cached = kv?.cachedTokens ?? server?.cachedTokens ?? 0;
  const prompt = server?.promptTokens ?? cached + (kv?.prefilledTokens ?? 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: replyTokens,
    total_tokens: prompt + replyTokens,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
