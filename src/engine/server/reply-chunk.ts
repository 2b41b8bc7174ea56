/** One event of a streamed reply, checked: what it adds, and what the server counts. */
import * as v from "valibot";
import { ServerError } from "../../util/errors";

const count = v.fallback(v.nullish(v.number()), undefined);
const text = v.nullish(v.string());

const message = v.nullish(
  v.object({
    content: text,
    // What the model thinks, apart: llama-server and vLLM; Ollama and newer vLLM.
    reasoning_content: text,
    reasoning: v.fallback(text, undefined),
    tool_calls: v.nullish(
      v.array(
        v.object({
          index: v.fallback(
            v.optional(
              v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(127)),
            ),
            undefined,
          ),
          function: v.nullish(v.object({ name: text, arguments: text })),
        }),
      ),
    ),
  }),
);

const schema = v.object({
  choices: v.nullish(
    v.array(
      v.object({
        delta: message,
        // Of a server that does not stream.
        message,
        finish_reason: text,
      }),
    ),
  ),
  usage: v.fallback(
    v.nullish(
      v.object({
        prompt_tokens: count,
        completion_tokens: count,
        prompt_tokens_details: v.fallback(
          v.nullish(v.object({ cached_tokens: count })),
          undefined,
        ),
      }),
    ),
    undefined,
  ),
  // llama-server's own.
  timings: v.fallback(
    v.nullish(
      v.object({ cache_n: count, prompt_n: count, predicted_n: count }),
    ),
    undefined,
  ),
  prompt_progress: v.fallback(
    v.nullish(v.object({ processed: v.number(), total: v.number() })),
    undefined,
  ),
});

export interface ReplyChunk {
  text: string;
  thinking: string;
  /** Pieces of calls: `json` of their arguments. */
  calls: readonly { index: number; name: string; json: string }[];
  /** As the server names it; undefined until it does. */
  end?: string | undefined;
  promptTokens?: number | undefined;
  cachedTokens?: number | undefined;
  replyTokens?: number | undefined;
  progress?: { doneTokens: number; totalTokens: number } | undefined;
}

/** @throws ServerError for what is no part of a reply */
export function replyChunk(json: unknown): ReplyChunk {
  const parsed = v.safeParse(schema, json);
  if (!parsed.success)
    throw new ServerError(
      "reply",
      `The server's reply is not as OpenAI's API has it, at ${v.getDotPath(parsed.issues[0]) ?? "its start"}. Does its address end with /v1?`,
    );
  const { choices, usage, timings, prompt_progress: progress } = parsed.output;
  const [choice] = choices ?? [];
  const said = choice?.delta ?? choice?.message;
  const sent = timings && (timings.cache_n ?? 0) + (timings.prompt_n ?? 0);
  return {
    text: said?.content ?? "",
    thinking: said?.reasoning_content ?? said?.reasoning ?? "",
    calls: (said?.tool_calls ?? []).map(({ index, function: called }, i) => ({
      index: index ?? i,
      name: called?.name ?? "",
      json: called?.arguments ?? "",
    })),
    end: choice?.finish_reason ?? undefined,
    promptTokens: usage?.prompt_tokens ?? (sent || undefined),
    cachedTokens:
      usage?.prompt_tokens_details?.cached_tokens ??
      timings?.cache_n ??
      undefined,
    replyTokens: usage?.completion_tokens ?? timings?.predicted_n ?? undefined,
    progress: progress
      ? { doneTokens: progress.processed, totalTokens: progress.total }
      : undefined,
  };
}
