/** The Prompt API's own types: https://webmachinelearning.github.io/prompt-api, as far as it is text. */

export type Role = "system" | "user" | "assistant";

export interface PromptContent {
  type: "text";
  value: string;
}

export interface PromptMessage {
  role: Role;
  content: string | readonly PromptContent[];
  prefix?: boolean;
}

export type PromptInput = string | readonly PromptMessage[];

export interface PromptOptions {
  /** A JSON schema that the reply must be valid by. */
  responseConstraint?: object;
  /** Changes nothing: the model is never told of the schema, but only held to it. */
  omitResponseConstraintInput?: boolean;
  signal?: AbortSignal;
}

export interface CoreOptions {
  temperature?: number;
  topK?: number;
  expectedInputs?: readonly Expected[];
  expectedOutputs?: readonly Expected[];
  tools?: readonly Tool[];
}

/** A function that the model may call while it replies. */
export interface Tool {
  name: string;
  description: string;
  /** A JSON schema of an object. */
  inputSchema: object;
  execute: (input: Record<string, unknown>) => Promise<unknown>;
}

interface Expected {
  type: string;
  languages?: readonly string[];
}

export interface CreateOptions extends CoreOptions {
  initialPrompts?: readonly PromptMessage[];
  signal?: AbortSignal;
  /** Is given a target of `downloadprogress` events. */
  monitor?: (monitor: EventTarget) => void;
}

export type Availability =
  "unavailable" | "downloadable" | "downloading" | "available";
