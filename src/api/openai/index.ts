/**
 * `rondo/openai`: OpenAI's chat completions over an engine in this page, for code that is written against them.
 * Clients send all messages each time; what they have in common with what was said before keeps its KV.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import { Completions, type CompletionsOptions } from "./completions";
import { type Fetch, fetchOver } from "./openai-fetch";
import type { ModelList } from "./types";

export { ApiError, type ErrorBody } from "./api-error";
export type { CompletionsOptions, CreateOptions } from "./completions";
export type { Fetch } from "./openai-fetch";
export type {
  ChatCompletion,
  ChatCompletionChunk,
  ChunkChoice,
  CompletionRequest,
  FinishReason,
  Logprobs,
  ModelEntry,
  ModelList,
  NamedLogprob,
  RequestMessage,
  RequestTool,
  StreamedRequest,
  TextPart,
  ToolCallMessage,
  Usage,
  WholeRequest,
} from "./types";

export interface OpenAIFace {
  chat: { completions: Pick<Completions, "create"> };
  models: { list(): Promise<ModelList> };
  /** The same as a server: give it to a client as its `fetch`. */
  fetch: Fetch;
  /** Deletes the chats that are kept for clients; those in the user's list stay. */
  clear(): Promise<void>;
}

/** OpenAI's chat completions over an engine, which the page loads a model into and closes. */
export function createOpenAI(
  engine: ChatEngine,
  options: CompletionsOptions = {},
): OpenAIFace {
  const completions = new Completions(engine, options);
  return {
    chat: { completions },
    models: {
      list: async () => ({ object: "list", data: await completions.models() }),
    },
    fetch: fetchOver(completions),
    clear: () => completions.clear(),
  };
}

/** A `fetch` for clients of OpenAI's API, such as the package `openai`. */
export function openAIFetch(
  engine: ChatEngine,
  options?: CompletionsOptions,
): Fetch {
  return createOpenAI(engine, options).fetch;
}
