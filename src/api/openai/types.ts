/** Requests and answers of OpenAI's chat completions, as far as Rondo has them. Names are OpenAI's. */

export interface TextPart {
  type: "text";
  text: string;
}

export type RequestMessage =
  | {
      role: "system" | "developer" | "user";
      content: string | readonly TextPart[];
    }
  | {
      role: "assistant";
      /** Null only with calls. */
      content?: string | readonly TextPart[] | null;
      tool_calls?: readonly ToolCallMessage[] | null;
    }
  /** What a call gave. */
  | {
      role: "tool";
      tool_call_id: string;
      content: string | readonly TextPart[];
    };

export interface ToolCallMessage {
  id: string;
  type: "function";
  /** `arguments`: JSON. */
  function: { name: string; arguments: string };
}

export interface RequestTool {
  type: "function";
  function: {
    name: string;
    description?: string | null;
    /** A JSON schema of an object. */
    parameters?: object | null;
    strict?: boolean | null;
  };
}

export interface CompletionRequest {
  model: string;
  messages: readonly RequestMessage[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null } | null;
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  repetition_penalty?: number | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  logit_bias?: Readonly<Record<string, number>> | null;
  stop?: string | readonly string[] | null;
  /** What the whole reply must be: an object, or valid by a JSON schema. */
  response_format?:
    | { type: "text" | "json_object" }
    | {
        type: "json_schema";
        json_schema: { name?: string; schema: object; strict?: boolean | null };
      }
    | null;
  tools?: readonly RequestTool[] | null;
  tool_choice?:
    | "none"
    | "auto"
    | "required"
    | { type: "function"; function: { name: string } }
    | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  seed?: number | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  /** Whether a reasoning model thinks first. Default true. */
  enable_thinking?: boolean | null;
  n?: 1 | null;
}

export interface StreamedRequest extends CompletionRequest {
  stream: true;
}

export interface WholeRequest extends CompletionRequest {
  stream?: false | null;
}

/** `abort`: somebody called `interruptGenerate`. */
export type FinishReason = "stop" | "length" | "tool_calls" | "abort";

export interface Usage {
  /** Tokens of all messages. */
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** Of the prompt's tokens, those that were not computed for this reply: their KV was there. */
  prompt_tokens_details: { cached_tokens: number };
}

/** By the model's own logits: before penalties, biases and temperature. */
export interface Logprobs {
  content: (NamedLogprob & { top_logprobs: NamedLogprob[] })[];
  refusal: null;
}

export interface NamedLogprob {
  token: string;
  logprob: number;
  /** Null for a token that is a part of a character. */
  bytes: number[] | null;
}

interface Answer {
  id: string;
  /** In seconds. */
  created: number;
  model: string;
}

export interface ChatCompletion extends Answer {
  object: "chat.completion";
  choices: [
    {
      index: 0;
      message: {
        role: "assistant";
        /** Null where there are calls alone. */
        content: string | null;
        refusal: null;
        tool_calls?: ToolCallMessage[];
      };
      logprobs: Logprobs | null;
      finish_reason: FinishReason;
    },
  ];
  usage: Usage;
}

export interface ChunkChoice {
  index: 0;
  delta: {
    role?: "assistant";
    content?: string;
    /** Each call comes as a whole. */
    tool_calls?: (ToolCallMessage & { index: number })[];
  };
  logprobs: Logprobs | null;
  finish_reason: FinishReason | null;
}

export interface ChatCompletionChunk extends Answer {
  object: "chat.completion.chunk";
  /** None in the chunk with the usage, which is the last one. */
  choices: ChunkChoice[];
  /** Null but for the last chunk; only with `stream_options.include_usage`. */
  usage?: Usage | null;
}

export interface ModelList {
  object: "list";
  data: ModelEntry[];
}

export interface ModelEntry {
  id: string;
  object: "model";
  created: number;
  owned_by: "rondo";
}
