/**
 * One turn with a model on a server: what was said is sent, and the reply's text comes into the round as it does from
 * the GPU. The round has no tokens then, and no KV: a model of this device reads it as any other text.
 */
import { ServerError } from "../../util/errors";
import type { ServerReceipt } from "../api/receipt";
import type { ReplyEvent, ReplyOptions } from "../api/replies";
import { callId } from "../reply/reply-calls";
import type { TextWriter } from "../archive/text-writer";
import { type ChatRound, setTokens } from "../chat/chat-round";
import type { ToolCall } from "../../store/tools";
import type { Conversation } from "../chat/conversation";
import { messagesOf } from "./messages";
import type { ReplyChunk } from "./reply-chunk";
import { BrokenOff, type ServerModel } from "./server-model";

/** How often a streaming reply is saved; the most a crash can lose. */
const SAVE_TEXT_MS = 2000;

const OPENING = "<think>\n";
const CLOSING = "\n</think>\n\n";

export interface ServedChat {
  conversation: Conversation;
  text: Pick<TextWriter, "save">;
  model: ServerModel;
}

/**
 * Answers a message of the shown branch that has no reply yet. However the turn ends, the round then holds the text
 * so far.
 *
 * @throws ServerError, ContextFullError if nothing came: the message then has no reply, as before
 */
export async function* runServerTurn(
  { conversation, text, model }: ServedChat,
  round: ChatRound,
  options: ReplyOptions,
): AsyncGenerator<ReplyEvent<ServerReceipt>, void> {
  const { signal } = options;
  const start = performance.now();
  const counted = new Counts(model, round.id, options.sampler?.seed);
  const history = conversation.historyOf(round).slice(1);
  const { tools } = conversation;
  const messages = messagesOf(
    conversation.system,
    history,
    round,
    model.separator,
  );
  const said = new SaidText();
  const calls = new CallParts(round.id);
  // Leaving the loop ends the request, too.
  const ending = new AbortController();
  const stop = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  let savedMs = start;
  let hasFailed = false;
  setTokens(round, [], 0, "");
  round.attended = null;
  round.calls = undefined;
  try {
    if (signal?.aborted) stop();
    yield { type: "prefill", doneTokens: 0, totalTokens: 0 };
    try {
      const asking = model.ask({ messages, tools }, options, ending.signal);
      for await (const part of asking) {
        counted.take(part);
        if (part.progress) yield { type: "prefill", ...part.progress };
        calls.push(part.calls);
        const added = said.push(part);
        if (added === "") continue;
        round.reply += added;
        yield { type: "text", text: added };
        const now = performance.now();
        if (now - savedMs < SAVE_TEXT_MS) continue;
        savedMs = now;
        void text.save(conversation, [round]);
      }
    } catch (error) {
      if (signal?.aborted) counted.end = "aborted";
      else if (round.reply !== "") counted.broke((error as Error).message);
      else if (error instanceof BrokenOff)
        throw new ServerError("failed", `${error.message} Try again.`);
      else throw error;
    }
    // Of a reply that broke off, the last call may lack its end.
    for (const call of counted.end === "stop" ? calls.all : []) {
      round.calls = [...(round.calls ?? []), call];
      yield { type: "call", call };
    }
    conversation.lastAttention = undefined;
    yield { type: "end", receipt: counted.receipt(start) };
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    // Also when the caller leaves early: the text so far stays.
    signal?.removeEventListener("abort", stop);
    ending.abort();
    round.isFinished = !hasFailed && counted.end !== "cut";
    round.isAwaited = false;
    if (round.saved === "all") round.saved = "text";
    void text.save(conversation, [round]);
  }
}

/** Makes one text of what a model thinks and says, with the marks that replies have on this device. */
class SaidText {
  #isThinking = false;
  #hasThought = false;

  push({ text, thinking }: Pick<ReplyChunk, "text" | "thinking">): string {
    let added = "";
    if (thinking !== "" && !this.#hasThought) {
      if (!this.#isThinking) added += OPENING;
      this.#isThinking = true;
      added += thinking;
    }
    if (text !== "" && this.#isThinking) {
      this.#isThinking = false;
      this.#hasThought = true;
      // The marks bring their own space.
      return added + CLOSING + text.trimStart();
    }
    return added + text;
  }
}

/** Calls of tools, which come in pieces. */
class CallParts {
  readonly #roundId: number;
  readonly #parts: { name: string; json: string }[] = [];

  constructor(roundId: number) {
    this.#roundId = roundId;
  }

  push(parts: ReplyChunk["calls"]): void {
    for (const { index, name, json } of parts) {
      const call = (this.#parts[index] ??= { name: "", json: "" });
      call.name += name;
      call.json += json;
    }
  }

  /** Those that are whole; what they lack in form, nothing can be called with. */
  get all(): ToolCall[] {
    return Object.values(this.#parts).flatMap(({ name, json }, number) => {
      const given = objectIn(json || "{}");
      const isName = /^[\w-]{1,64}$/.test(name);
      return given === undefined || !isName
        ? []
        : [{ id: callId(this.#roundId, number), name, arguments: given }];
    });
  }
}

function objectIn(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Object(value) === value && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What is known of a turn once it has ended. */
class Counts {
  end: ServerReceipt["finishReason"] = "stop";
  #problem: string | undefined;
  readonly #model: ServerModel;
  readonly #roundId: number;
  readonly #seed: number | undefined;
  #chunks = 0;
  #firstMs = 0;
  #known: Partial<ReplyChunk> = {};
  #leftOut: readonly string[] = [];

  constructor(model: ServerModel, roundId: number, seed: number | undefined) {
    this.#model = model;
    this.#roundId = roundId;
    this.#seed = seed;
  }

  take(part: ReplyChunk & { leftOut: readonly string[] }): void {
    this.#leftOut = part.leftOut;
    const hasText = part.text !== "" || part.thinking !== "";
    if (hasText && this.#chunks++ === 0) this.#firstMs = performance.now();
    if (part.end === "length") this.end = "length";
    const { promptTokens, cachedTokens, replyTokens } = part;
    const before = this.#known;
    this.#known = {
      promptTokens: promptTokens ?? before.promptTokens,
      cachedTokens: cachedTokens ?? before.cachedTokens,
      replyTokens: replyTokens ?? before.replyTokens,
    };
  }

  /** The reply ended too early. */
  broke(problem: string): void {
    this.end = "cut";
    this.#problem = problem;
  }

  receipt(startMs: number): ServerReceipt {
    const end = performance.now();
    const { promptTokens, cachedTokens } = this.#known;
    // A server that was stopped says no numbers; most send a token at a time.
    const replyTokens = this.#known.replyTokens ?? this.#chunks;
    const firstMs = this.#firstMs || end;
    const decodeMs = end - firstMs;
    const isMeasured = replyTokens > 1 && decodeMs > 0;
    return {
      finishReason: this.end,
      roundId: this.#roundId,
      replyTokens,
      timeToFirstTokenMs: firstMs - startMs,
      decodeTokensPerSecond: isMeasured
        ? (1000 * (replyTokens - 1)) / decodeMs
        : 0,
      seed: this.#seed,
      server: {
        endpoint: this.#model.endpoint,
        model: this.#model.id,
        promptTokens,
        cachedTokens,
        leftOut: this.#leftOut,
        problem: this.#problem,
      },
    };
  }
}
