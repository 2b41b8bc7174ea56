/** A call of the AI SDK as a message and its options. What Rondo does not do is a warning, as the SDK wants it. */
import type {
  LanguageModelV3CallOptions,
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3ToolResultPart,
  SharedV3Warning,
} from "@ai-sdk/provider";
import type { ToolCall, ToolDefinition } from "../../engine/api/chats";
import type {
  ReplyOptions,
  ResponseFormat,
  ToolChoice,
} from "../../engine/api/replies";
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
  const tools = options.tools?.flatMap((tool): ToolDefinition[] => {
    if (tool.type !== "function") {
      unsupported(`provider tool ${tool.id}`);
      return [];
    }
    const { name, description, inputSchema: parameters } = tool;
    return [{ name, description, parameters }];
  });
  const stop = options.stopSequences?.filter((text) => text !== "") ?? [];
  if (stop.length > MOST_STOPS)
    unsupported("stopSequences", `The first ${MOST_STOPS} are used.`);
  return {
    asked: {
      ...readPrompt(options.prompt),
      ...(tools && tools.length > 0 && { tools }),
    },
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
        toolChoice: choiceOf(options.toolChoice),
      }),
      stop: stop.slice(0, MOST_STOPS),
    },
    warnings,
  };
}

function readPrompt(prompt: LanguageModelV3Prompt): AskedReply {
  const said = prompt.flatMap((message, at) =>
    saidIn(message, at).map((one) => ({ one, at })),
  );
  return askedIn(
    said.map(({ one }) => one),
    (problem, i) =>
      i === undefined
        ? new TypeError(`The prompt's messages ${problem}`)
        : new TypeError(`Message ${said[i]!.at + 1} of the prompt ${problem}`),
  );
}

/** A message of tools has a part for each call. */
function saidIn(message: LanguageModelV3Message, at: number): SaidMessage[] {
  if (message.role === "tool")
    return message.content.map((part) => {
      if (part.type !== "tool-result") throw notText(message, at, part.type);
      const text = resultText(part, message, at);
      return { role: "tool", callId: part.toolCallId, text };
    });
  const text = textOf(message, at);
  if (message.role !== "assistant") return [{ role: message.role, text }];
  const calls = message.content.flatMap((part): ToolCall[] =>
    part.type === "tool-call"
      ? [
          {
            id: part.toolCallId,
            name: part.toolName,
            arguments: Object(part.input) as ToolCall["arguments"],
          },
        ]
      : [],
  );
  return [{ role: "assistant", text, ...(calls.length > 0 && { calls }) }];
}

function resultText(
  { output }: LanguageModelV3ToolResultPart,
  message: LanguageModelV3Message,
  at: number,
): string {
  switch (output.type) {
    case "text":
    case "error-text":
      return output.value;
    case "json":
    case "error-json":
      return JSON.stringify(output.value);
    case "execution-denied":
      return output.reason ?? "The call was not allowed.";
    case "content":
      return output.value
        .map((part) => {
          if (part.type === "text") return part.text;
          throw notText(message, at, part.type);
        })
        .join("\n");
  }
}

/** Earlier thinking is not read again. */
function textOf(message: LanguageModelV3Message, at: number): string {
  const { content } = message;
  if (typeof content === "string") return content;
  const texts = content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "reasoning" || part.type === "tool-call") return [];
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

function choiceOf(
  choice: LanguageModelV3CallOptions["toolChoice"],
): ToolChoice | undefined {
  return choice?.type === "tool" ? { name: choice.toolName } : choice?.type;
}

/** Without what is undefined. */
function given<T extends object>(
  values: T,
): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: NonNullable<T[K]> };
}
