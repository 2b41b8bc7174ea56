/** A call of the AI SDK as a message and its options. What Rondo does not do is a warning, as the SDK wants it. */
import type {
  LanguageModelV3CallOptions,
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  SharedV3Warning,
} from "@ai-sdk/provider";
import type { ResponseFormat, ReplyOptions } from "../../engine/api/replies";
import {
  type AskedReply,
  askedIn,
  type SaidMessage,
} from "../chats/asked-reply";

export interface ReadCall {
  asked: AskedReply;
  reply: ReplyOptions;
  warnings: SharedV3Warning[];
}

/** The engine takes at most so many. */
const MOST_STOPS = 16;

/** @throws TypeError for a prompt with more than text */
export function readCall(options: LanguageModelV3CallOptions): ReadCall {
  const warnings: SharedV3Warning[] = [];
  const unsupported = (feature: string, details?: string) =>
    warnings.push({
      type: "unsupported",
      feature,
      ...(details !== undefined && { details }),
    });
  if (options.tools?.length) unsupported("tools");
  const stop = options.stopSequences?.filter((text) => text !== "") ?? [];
  if (stop.length > MOST_STOPS)
    unsupported("stopSequences", `The first ${MOST_STOPS} are used.`);
  return {
    asked: readPrompt(options.prompt),
    reply: {
      sampler: given({
        temperature: options.temperature,
        topP: options.topP,
        topK: options.topK,
        presencePenalty: options.presencePenalty,
        frequencyPenalty: options.frequencyPenalty,
        seed: options.seed,
      }),
      ...given({
        maxTokens: options.maxOutputTokens,
        responseFormat: formatOf(options.responseFormat),
      }),
      stop: stop.slice(0, MOST_STOPS),
    },
    warnings,
  };
}

function readPrompt(prompt: LanguageModelV3Prompt): AskedReply {
  const said = prompt.map((message, at): SaidMessage => {
    const text = textOf(message, at);
    if (message.role === "tool") throw notText(message, at, "tool");
    return { role: message.role, text };
  });
  return askedIn(said, (problem, at) =>
    at === undefined
      ? new TypeError(`The prompt's messages ${problem}`)
      : new TypeError(`Message ${at + 1} of the prompt ${problem}`),
  );
}

/** Earlier thinking is not read again. */
function textOf(message: LanguageModelV3Message, at: number): string {
  const { content } = message;
  if (typeof content === "string") return content;
  const texts = content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "reasoning") return [];
    throw notText(message, at, part.type);
  });
  return texts.join("\n");
}

function notText(
  { role }: LanguageModelV3Message,
  at: number,
  type: string,
): TypeError {
  return new TypeError(
    `Message ${at + 1} of the prompt, of the ${role}, has a part of type ${type}: Rondo reads text alone.`,
  );
}

function formatOf(
  wanted: LanguageModelV3CallOptions["responseFormat"],
): ResponseFormat | undefined {
  if (wanted?.type !== "json") return undefined;
  return wanted.schema === undefined ? "json" : { schema: wanted.schema };
}

/** Without what is undefined. */
function given<T extends object>(
  values: T,
): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: NonNullable<T[K]> };
}
