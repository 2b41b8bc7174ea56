/**
 * The fields of a request beside its messages: which option of the engine each one sets, and those that Rondo does
 * not have. A field that is in neither table is refused by name.
 */
import type { ReplyOptions, SamplerSettings } from "../../engine/api/replies";

/** What a value must be, in words, and whether it is. */
export interface Kind {
  words: string;
  is: (value: unknown) => boolean;
}

const between = (low: number, high: number): Kind => ({
  words: `a number from ${low} to ${high}`,
  is: (value) => typeof value === "number" && value >= low && value <= high,
});
const integer = (low: number): Kind => ({
  words: low === -Infinity ? "an integer" : `an integer from ${low} on`,
  is: (value) => Number.isSafeInteger(value) && (value as number) >= low,
});
const aBoolean: Kind = {
  words: "true or false",
  is: (value) => typeof value === "boolean",
};

const biases: Kind = {
  words: "an object of numbers from -100 to 100 by token id",
  is: (value) =>
    Object(value) === value &&
    Object.entries(value as object).every(
      ([id, bias]) => /^\d+$/.test(id) && between(-100, 100).is(bias),
    ),
};
const stops: Kind = {
  words: "a string or a list of at most 16 strings",
  is: (value) =>
    typeof value === "string" ||
    (Array.isArray(value) &&
      value.length <= 16 &&
      value.every((one) => typeof one === "string")),
};

interface AskedFormat {
  type: "text" | "json_object" | "json_schema";
  json_schema?: { schema?: object };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  Object(value) === value && !Array.isArray(value);
const responseFormat: Kind = {
  words:
    '{ type: "text" }, { type: "json_object" } or { type: "json_schema", json_schema: { schema } }',
  is: (value) =>
    isObject(value) &&
    (value.type === "text" ||
      value.type === "json_object" ||
      (value.type === "json_schema" &&
        isObject(value.json_schema) &&
        isObject(value.json_schema.schema))),
};

type AskedChoice =
  "none" | "auto" | "required" | { function: { name: string } };

const toolChoice: Kind = {
  words: 'none, auto, required, or { type: "function", function: { name } }',
  is: (value) =>
    ["none", "auto", "required"].includes(value as string) ||
    (isObject(value) &&
      value.type === "function" &&
      isObject(value.function) &&
      typeof value.function.name === "string"),
};

export interface Setting {
  kind: Kind;
  /** The options of a reply that the value sets. */
  options: (value: never) => ReplyOptions;
}

const sampler =
  (name: keyof SamplerSettings) =>
  (value: number): ReplyOptions => ({ sampler: { [name]: value } });
const maxTokens = (value: number): ReplyOptions => ({ maxTokens: value });

/** Later ones win. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  temperature: { kind: between(0, 2), options: sampler("temperature") },
  top_p: {
    kind: between(0, 1),
    // The engine keeps the likeliest token by a share above 0.
    options: (value: number) => sampler("topP")(value || Number.MIN_VALUE),
  },
  top_k: { kind: integer(0), options: sampler("topK") },
  min_p: { kind: between(0, 1), options: sampler("minP") },
  repetition_penalty: {
    kind: between(0.01, 100),
    options: sampler("repetitionPenalty"),
  },
  presence_penalty: {
    kind: between(-2, 2),
    options: sampler("presencePenalty"),
  },
  frequency_penalty: {
    kind: between(-2, 2),
    options: sampler("frequencyPenalty"),
  },
  logit_bias: {
    kind: biases,
    options: (logitBias: Record<number, number>) => ({
      sampler: { logitBias },
    }),
  },
  stop: {
    kind: stops,
    options: (stop: string | string[]) => ({
      stop: [stop].flat().filter((text) => text !== ""),
    }),
  },
  response_format: {
    kind: responseFormat,
    options: ({ type, json_schema }: AskedFormat) => {
      if (type === "text") return {};
      const schema = json_schema?.schema ?? {};
      return {
        responseFormat: type === "json_object" ? "json" : { schema },
      };
    },
  },
  tool_choice: {
    kind: toolChoice,
    options: (choice: AskedChoice) => ({
      toolChoice:
        typeof choice === "string" ? choice : { name: choice.function.name },
    }),
  },
  logprobs: {
    kind: aBoolean,
    options: (isAsked: boolean) => (isAsked ? { topLogprobs: 0 } : {}),
  },
  top_logprobs: {
    kind: {
      words: "an integer from 0 to 20",
      is: (value) => integer(0).is(value) && (value as number) <= 20,
    },
    options: (topLogprobs: number) =>
      topLogprobs === 0 ? {} : { topLogprobs },
  },
  seed: {
    kind: integer(-Infinity),
    // The engine's seeds have 32 bits.
    options: (value: number) => sampler("seed")(value >>> 0),
  },
  max_tokens: { kind: integer(1), options: maxTokens },
  max_completion_tokens: { kind: integer(1), options: maxTokens },
  enable_thinking: {
    kind: aBoolean,
    options: (thinks: boolean) => ({ thinks }),
  },
};

/** What Rondo does not have, each with the values that ask for nothing. Null always does. */
export const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  functions: [[]],
  function_call: ["none", "auto"],
  modalities: [["text"]],
  audio: [],
  prediction: [],
  reasoning_effort: [],
  web_search_options: [],
  store: [false],
};

/** What a reply does not depend on. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "metadata",
  "parallel_tool_calls",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "service_tier",
  "user",
]);
