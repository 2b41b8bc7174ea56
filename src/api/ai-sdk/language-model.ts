/** An engine as the AI SDK's language model. Each call says all that was said before; rounds keep their KV all the same. */
import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3FinishReason,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  LanguageModelV3StreamResult,
  LanguageModelV3Usage,
} from "@ai-sdk/provider";
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ToolCall } from "../../engine/api/chats";
import type { Receipt } from "../../engine/api/receipt";
import type { ReplyEvent } from "../../engine/api/replies";
import { anySignal } from "../../util/any-signal";
import { streamOf } from "../../util/stream-of";
import { runOn } from "../chats/run-on";
import { StatelessChats } from "../chats/stateless-chats";
import { readCall } from "./call";
import { ThinkingSplit } from "./thinking-split";

export interface RondoModelOptions {
  /** What the AI SDK calls the model. Default: `rondo`. */
  modelId?: string | undefined;
  /** Whether the chats are in the user's list of chats. Default false: they are kept apart. */
  isListed?: boolean | undefined;
  /** How many chats are known at most; beyond that those not in the list are deleted. Default 32. */
  mostChats?: number | undefined;
}

const OWNER = "rondo/ai-sdk";
const MOST_CHATS = 32;

/**
 * The model that an engine has loaded, or will have when it is first asked.
 *
 *     const engine = new RemoteEngine();
 *     await engine.load("HuggingFaceTB/SmolLM2-135M-Instruct");
 *     const { textStream } = streamText({ model: rondo(engine), prompt: "Hello" });
 */
export function rondo(
  engine: ChatEngine,
  options?: RondoModelOptions,
): RondoLanguageModel {
  return new RondoLanguageModel(engine, options);
}

export class RondoLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = "v3";
  readonly provider = "rondo";
  readonly modelId: string;
  /** Nothing is fetched. */
  readonly supportedUrls = {};
  readonly #chats: StatelessChats;

  constructor(
    engine: ChatEngine,
    {
      modelId = "rondo",
      isListed = false,
      mostChats = MOST_CHATS,
    }: RondoModelOptions = {},
  ) {
    this.modelId = modelId;
    const owner = isListed ? undefined : OWNER;
    this.#chats = new StatelessChats(engine, { owner, mostChats });
  }

  /** @throws TypeError for a prompt with more than text; what `ChatEngine.chat` throws; the signal's reason */
  async doGenerate(
    options: LanguageModelV3CallOptions,
  ): Promise<LanguageModelV3GenerateResult> {
    const { asked, reply, warnings } = readCall(options);
    const split = new ThinkingSplit();
    const content: LanguageModelV3Content[] = [];
    for await (const event of this.#events(asked, reply, options.abortSignal)) {
      if (event.type === "text") append(content, split.push(event.text));
      if (event.type === "call") {
        append(content, split.end());
        content.push(callPart(event.call));
      }
      if (event.type !== "end") continue;
      append(content, split.end());
      const { receipt } = event;
      const hasCalls = content.some(({ type }) => type === "tool-call");
      return {
        content,
        finishReason: finishReason(receipt, hasCalls),
        usage: usageOf(receipt),
        response: this.#metadata(),
        warnings,
      };
    }
    throw new Error("A reply ended without its receipt.");
  }

  /** The same, streamed: what is wrong with the call shows before the first part. */
  async doStream(
    options: LanguageModelV3CallOptions,
  ): Promise<LanguageModelV3StreamResult> {
    const { asked, reply, warnings } = readCall(options);
    const events = this.#events(asked, reply, options.abortSignal);
    const first = await events.next();
    const parts = this.#parts(first, events, warnings);
    return { stream: streamOf(parts) };
  }

  /** Deletes the chats that it made, or forgets them if they are the user's. */
  clear(): Promise<void> {
    return this.#chats.clear();
  }

  async *#events(
    ...[asked, options, signal]: [
      ...Parameters<StatelessChats["reply"]>,
      AbortSignal | undefined,
    ]
  ): AsyncGenerator<ReplyEvent, void> {
    signal?.throwIfAborted();
    const left = new AbortController();
    const any = anySignal([signal, left.signal]);
    const events = this.#chats.reply(asked, { ...options, signal: any.signal });
    try {
      yield* runOn(events, () => left.abort(), signal);
    } finally {
      any.release();
    }
  }

  async *#parts(
    first: IteratorResult<ReplyEvent, void>,
    rest: AsyncGenerator<ReplyEvent, void>,
    warnings: LanguageModelV3GenerateResult["warnings"],
  ): AsyncGenerator<LanguageModelV3StreamPart, void> {
    yield { type: "stream-start", warnings };
    yield { type: "response-metadata", ...this.#metadata() };
    const split = new ThinkingSplit();
    const blocks = new Blocks();
    let hasCalls = false;
    try {
      for (let next = first; !next.done; next = await rest.next()) {
        const event = next.value;
        if (event.type === "text") yield* blocks.add(split.push(event.text));
        if (event.type === "call") {
          hasCalls = true;
          yield* blocks.add(split.end());
          yield* blocks.end();
          yield* callParts(event.call);
        }
        if (event.type !== "end") continue;
        yield* blocks.add(split.end());
        yield* blocks.end();
        const { receipt } = event;
        yield {
          type: "finish",
          finishReason: finishReason(receipt, hasCalls),
          usage: usageOf(receipt),
        };
      }
    } catch (error) {
      yield { type: "error", error };
    } finally {
      // Also where the reader leaves.
      await rest.return();
    }
  }

  #metadata() {
    return {
      id: crypto.randomUUID(),
      timestamp: new Date(),
      modelId: this.modelId,
    };
  }
}

type Said = ReturnType<ThinkingSplit["push"]>;

/** Adds to the last block of the same kind, or begins another. */
function append(content: LanguageModelV3Content[], said: Said): void {
  for (const { type, text } of said) {
    const last = content.at(-1);
    if (last?.type === type) last.text += text;
    else content.push({ type, text });
  }
}

/** Blocks of a stream: each is begun, and ended before another one begins. */
class Blocks {
  #open: { type: "text" | "reasoning"; id: string } | undefined;
  #count = 0;

  *add(said: Said): Generator<LanguageModelV3StreamPart> {
    for (const { type, text } of said) {
      if (this.#open?.type !== type) {
        yield* this.end();
        this.#open = { type, id: String(this.#count++) };
        yield { type: `${type}-start`, id: this.#open.id };
      }
      yield { type: `${type}-delta`, id: this.#open.id, delta: text };
    }
  }

  *end(): Generator<LanguageModelV3StreamPart> {
    const open = this.#open;
    this.#open = undefined;
    if (open) yield { type: `${open.type}-end`, id: open.id };
  }
}

function callPart({ id, name, arguments: given }: ToolCall) {
  const input = JSON.stringify(given);
  return {
    type: "tool-call",
    toolCallId: id,
    toolName: name,
    input,
  } as const;
}

/** A call is told once it is complete: its input comes in one piece. */
function* callParts(call: ToolCall): Generator<LanguageModelV3StreamPart> {
  const { id, name } = call;
  const part = callPart(call);
  yield { type: "tool-input-start", id, toolName: name };
  yield { type: "tool-input-delta", id, delta: part.input };
  yield { type: "tool-input-end", id };
  yield part;
}

function finishReason(
  { finishReason: raw }: Receipt,
  hasCalls: boolean,
): LanguageModelV3FinishReason {
  if (raw === "aborted") return { unified: "other", raw };
  if (raw === "cut") return { unified: "error", raw };
  return { unified: raw === "stop" && hasCalls ? "tool-calls" : raw, raw };
}

function usageOf({ kv, server, replyTokens }: Receipt): LanguageModelV3Usage {
  const cacheRead = kv?.cachedTokens ?? server?.cachedTokens;
  const total =
    server?.promptTokens ?? (kv && kv.cachedTokens + kv.prefilledTokens);
  const noCache = total === undefined ? undefined : total - (cacheRead ?? 0);
  return {
    inputTokens: {
      total,
      noCache,
      cacheRead,
      cacheWrite: undefined,
    },
    outputTokens: { total: replyTokens, text: undefined, reasoning: undefined },
  };
}
