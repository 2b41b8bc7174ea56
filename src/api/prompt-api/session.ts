/** A session of the Prompt API. It knows what was said; whose KV that has, StatelessChats finds. */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ToolCall, ToolDefinition } from "../../engine/api/chats";
import type { ReplyEvent } from "../../engine/api/replies";
import { ContextFullError, SchemaError } from "../../util/errors";
import { abortable } from "../../util/abortable";
import { anySignal } from "../../util/any-signal";
import { streamOf } from "../../util/stream-of";
import { TaskQueue } from "../../util/task-queue";
import { runOn } from "../chats/run-on";
import { askedIn, type SaidMessage } from "../chats/asked-reply";
import type { StatelessChats } from "../chats/stateless-chats";
import { notSupported, readPrompt } from "./input";
import type { PromptInput, PromptOptions, Tool } from "./types";

/** What all sessions share. */
export interface SessionParts {
  engine: Pick<ChatEngine, "countTokens">;
  chats: StatelessChats;
  sampler: { temperature?: number; topK?: number };
  tools: readonly Tool[];
  contextWindow: number;
}

/** Replies that may call before one has to answer. */
const MOST_STEPS = 8;

export class Session extends EventTarget {
  /** Tokens that a context holds. Sessions may be longer: each prompt then reads the rounds that it asks for. */
  readonly contextWindow: number;
  /** Never called: nothing of a session is dropped. */
  oncontextoverflow: ((event: Event) => void) | null = null;
  readonly #parts: SessionParts;
  readonly #queue = new TaskQueue();
  readonly #destroyed = new AbortController();
  #said: readonly SaidMessage[];
  #usage = 0;

  constructor(parts: SessionParts, said: readonly SaidMessage[]) {
    super();
    this.#parts = parts;
    this.#said = said;
    this.contextWindow = parts.contextWindow;
  }

  /** Tokens of the session so far, as of the last reply. */
  get contextUsage(): number {
    return this.#usage;
  }

  /**
   * @throws DOMException `InvalidStateError` if it was destroyed, `NotSupportedError` for what is not text,
   *   `QuotaExceededError` for a prompt that is too long for the model; TypeError; the signal's reason
   */
  async prompt(input: PromptInput, options?: PromptOptions): Promise<string> {
    let reply = "";
    for await (const text of this.#reply(input, options)) reply += text;
    return reply;
  }

  /** The same as a stream of texts that follow each other. */
  promptStreaming(
    input: PromptInput,
    options?: PromptOptions,
  ): ReadableStream<string> {
    return streamOf(this.#reply(input, options));
  }

  /** Adds messages without a reply; the model reads them with the next prompt. */
  append(
    input: PromptInput,
    { signal }: Pick<PromptOptions, "signal"> = {},
  ): Promise<void> {
    return this.#queue.run(async () => {
      this.#expectUsable(signal);
      this.#said = [...this.#said, ...readPrompt(input)];
    });
  }

  /** Tokens of a prompt's text. */
  async measureContextUsage(
    input: PromptInput,
    { signal }: Pick<PromptOptions, "signal"> = {},
  ): Promise<number> {
    this.#expectUsable(signal);
    const counts = readPrompt(input).map(({ text }) =>
      this.#parts.engine.countTokens(text),
    );
    const sum = (await Promise.all(counts)).reduce((a, b) => a + b, 0);
    signal?.throwIfAborted();
    return sum;
  }

  /** A session that goes on from here by itself. It shares all KV so far. */
  clone({ signal }: Pick<PromptOptions, "signal"> = {}): Promise<Session> {
    return this.#queue.run(async () => {
      this.#expectUsable(signal);
      const clone = new Session(this.#parts, this.#said);
      clone.#usage = this.#usage;
      return clone;
    });
  }

  /** Ends a running reply; what is asked from now on is refused. */
  destroy(): void {
    this.#destroyed.abort(
      new DOMException("The session was destroyed.", "AbortError"),
    );
  }

  async *#reply(
    input: PromptInput,
    { responseConstraint, signal }: PromptOptions = {},
  ): AsyncGenerator<string, void> {
    this.#expectUsable(signal);
    if (responseConstraint instanceof RegExp)
      throw notSupported("A RegExp as responseConstraint");
    const asked = readPrompt(input);
    const leave = await this.#queue.enter();
    const left = new AbortController();
    const given = anySignal([signal, this.#destroyed.signal]);
    const any = anySignal([given.signal, left.signal]);
    try {
      this.#expectUsable(signal);
      const said = [...this.#said, ...asked];
      const { sampler, chats } = this.#parts;
      const options = {
        sampler,
        signal: any.signal,
        ...(responseConstraint && {
          responseFormat: { schema: responseConstraint },
        }),
      };
      const { tools } = this.#parts;
      const told = tools.length > 0 ? { tools: definitions(tools) } : {};
      for (let steps = 0; ; steps++) {
        const asked = { ...askedIn(said, misplaced), ...told };
        // A model that only ever calls is made to answer.
        const choice =
          steps < MOST_STEPS ? {} : { toolChoice: "none" as const };
        const events = chats.reply(asked, { ...options, ...choice });
        const calls: ToolCall[] = [];
        let text = "";
        for await (const event of runOn(
          events,
          () => left.abort(),
          given.signal,
        )) {
          if (event.type === "text") {
            text += event.text;
            yield event.text;
          }
          if (event.type === "call") calls.push(event.call);
          if (event.type === "end") this.#noteUsage(event);
        }
        said.push({
          role: "assistant",
          text,
          ...(calls.length > 0 && { calls }),
        });
        if (calls.length === 0) break;
        said.push(...(await abortable(results(tools, calls), given.signal)));
      }
      this.#said = said;
    } catch (error) {
      if (error instanceof ContextFullError)
        throw new DOMException(error.message, "QuotaExceededError");
      if (error instanceof SchemaError)
        throw new DOMException(error.message, "NotSupportedError");
      throw error;
    } finally {
      any.release();
      given.release();
      leave();
    }
  }

  #noteUsage({
    receipt: { kv, replyTokens },
  }: Extract<ReplyEvent, { type: "end" }>): void {
    if (kv) this.#usage = kv.cachedTokens + kv.prefilledTokens + replyTokens;
  }

  /** @throws DOMException `InvalidStateError`; the signal's reason */
  #expectUsable(signal: AbortSignal | undefined): void {
    if (this.#destroyed.signal.aborted)
      throw new DOMException("The session was destroyed.", "InvalidStateError");
    signal?.throwIfAborted();
  }
}

function definitions(tools: readonly Tool[]): ToolDefinition[] {
  return tools.map(({ name, description, inputSchema: parameters }) => ({
    name,
    description,
    parameters,
  }));
}

/** Runs what was called. What a tool throws is told to the model as its result. */
function results(
  tools: readonly Tool[],
  calls: readonly ToolCall[],
): Promise<SaidMessage[]> {
  return Promise.all(
    calls.map(async ({ id, name, arguments: given }) => {
      const tool = tools.find((one) => one.name === name);
      let text: string;
      try {
        if (tool === undefined) throw new Error(`There is no tool ${name}.`);
        const made = await tool.execute({ ...given });
        text = typeof made === "string" ? made : (JSON.stringify(made) ?? "");
      } catch (error) {
        text = `Error: ${error instanceof Error ? error.message : String(error)}`;
      }
      return { role: "tool", callId: id, text };
    }),
  );
}

function misplaced(problem: string, at?: number): TypeError {
  const which =
    at === undefined ? "The session's messages" : `Message ${at + 1}`;
  return new TypeError(`${which} ${problem}`);
}
