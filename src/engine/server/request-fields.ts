/** The fields of a server's request that a reply's options set. Servers name the later ones differently, or have none. */
import type { ServerKind } from "../api/models";
import type { ReplyOptions, ResponseFormat } from "../api/replies";

const DEFAULT_MAX_TOKENS = 1024;

export interface RequestFields {
  fields: Record<string, unknown>;
  /** Options that were given and have no field. */
  leftOut: string[];
}

/** Of each kind: the name of a field, where it has it and it is not as noted below. */
type Names = Partial<Record<"topK" | "minP" | "repetitionPenalty", string>>;

const NAMES: Record<ServerKind, Names> = {
  "llama-server": {
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repeat_penalty",
  },
  vLLM: {
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repetition_penalty",
  },
  // Its OpenAI face ignores all of these without a word.
  Ollama: {},
  "LM Studio": { topK: "top_k", repetitionPenalty: "repeat_penalty" },
  // Those that don't know them mostly say so: see `refusedFields`.
  other: {
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repetition_penalty",
  },
};

/** What makes a model answer without thinking first. */
const UNTHINKING: Partial<Record<ServerKind, [name: string, value: unknown]>> =
  {
    "llama-server": ["chat_template_kwargs", { enable_thinking: false }],
    vLLM: ["chat_template_kwargs", { enable_thinking: false }],
    Ollama: ["reasoning_effort", "none"],
  };

/** Fields that a request can do without, and the option that each comes from; undefined: none of the user's. */
const SPARE: Record<string, string | undefined> = {
  top_k: "topK",
  min_p: "minP",
  repeat_penalty: "repetitionPenalty",
  repetition_penalty: "repetitionPenalty",
  seed: "seed",
  logit_bias: "logitBias",
  chat_template_kwargs: "thinks",
  reasoning_effort: "thinks",
  stream_options: undefined,
  return_progress: undefined,
  // OpenAI's newer models want max_completion_tokens.
  max_tokens: undefined,
};

/**
 * @param refused fields that this server has refused before
 * @throws RangeError for an option that changes what a reply is, and that no server has
 */
export function requestFields(
  options: ReplyOptions,
  kind: ServerKind,
  refused: ReadonlySet<string>,
): RequestFields {
  const { maxTokens = DEFAULT_MAX_TOKENS, responseFormat, stop = [] } = options;
  if (options.topLogprobs !== undefined)
    throw new RangeError(
      "topLogprobs needs a model that runs on this device: log-probabilities of a server's tokens are not read.",
    );
  const sampler = options.sampler ?? {};
  const leftOut: string[] = [];
  const fields: Record<string, unknown> = {
    stream: true,
    stream_options: { include_usage: true },
    ...(Number.isFinite(maxTokens) && {
      max_tokens: Math.max(1, Math.floor(maxTokens)),
    }),
    temperature: sampler.temperature,
    top_p: sampler.topP,
    presence_penalty: sampler.presencePenalty,
    frequency_penalty: sampler.frequencyPenalty,
    seed: sampler.seed,
    stop: stop.length > 0 ? stop : undefined,
    response_format: responseFormat && formatField(responseFormat, kind),
    return_progress: kind === "llama-server" ? true : undefined,
  };
  const set = (option: string, name: string | undefined, value: unknown) => {
    if (value === undefined) return;
    if (name === undefined) leftOut.push(option);
    else fields[name] = value;
  };
  const names = NAMES[kind];
  set("topK", names.topK, sampler.topK);
  set("minP", names.minP, sampler.minP);
  set("repetitionPenalty", names.repetitionPenalty, sampler.repetitionPenalty);
  const { logitBias = {} } = sampler;
  if (Object.keys(logitBias).length > 0)
    set("logitBias", kind === "Ollama" ? undefined : "logit_bias", logitBias);
  const [unthinking, value] = UNTHINKING[kind] ?? [];
  // A reply with a format does not think, as on this device.
  const isFormatted = responseFormat && unthinking === "chat_template_kwargs";
  if (options.thinks === false || isFormatted)
    set("thinks", unthinking, value ?? false);
  for (const name of refused) {
    if (fields[name] === undefined) continue;
    if (name === "max_tokens") fields["max_completion_tokens"] = fields[name];
    const option = SPARE[name];
    if (option !== undefined) leftOut.push(option);
    fields[name] = undefined;
  }
  return { fields, leftOut };
}

/** The fields of a request that a server names in refusing it, and that it can be asked without. */
export function refusedFields(
  fields: Readonly<Record<string, unknown>>,
  words: string,
): string[] {
  return Object.keys(SPARE).filter(
    (name) =>
      fields[name] !== undefined && new RegExp(`\\b${name}\\b`).test(words),
  );
}

function formatField(format: ResponseFormat, kind: ServerKind): unknown {
  // LM Studio has schemas alone.
  if (format === "json" && kind !== "LM Studio") return { type: "json_object" };
  const schema = format === "json" ? { type: "object" } : format.schema;
  return {
    type: "json_schema",
    json_schema: { name: "reply", strict: true, schema },
  };
}
