/**
 * `rondo/prompt-api`: the browser's Prompt API (`LanguageModel`) over an engine in this page, where the browser has
 * none or its model is not wanted.
 */
import type { ChatEngine } from "../../engine/api/chat-engine";
import { LanguageModelFace, type LanguageModelOptions } from "./language-model";

export type { LanguageModelOptions } from "./language-model";
export type { LanguageModelFace } from "./language-model";
export type { Session } from "./session";
export type {
  Availability,
  CoreOptions,
  CreateOptions,
  PromptContent,
  PromptInput,
  PromptMessage,
  PromptOptions,
  Role,
} from "./types";

/** An object with `availability` and `create`, to be used in place of the global one. */
export function createLanguageModel(
  engine: ChatEngine,
  options?: LanguageModelOptions,
): LanguageModelFace {
  return new LanguageModelFace(engine, options);
}

/**
 * Sets the global `LanguageModel`, unless the browser has one.
 *
 * @returns whether it was set
 */
export function installLanguageModel(
  engine: ChatEngine,
  {
    replaces = false,
    ...options
  }: LanguageModelOptions & {
    /** Whether the browser's own is replaced. Default false. */
    replaces?: boolean | undefined;
  } = {},
): boolean {
  if ("LanguageModel" in globalThis && !replaces) return false;
  Object.defineProperty(globalThis, "LanguageModel", {
    value: createLanguageModel(engine, options),
    configurable: true,
    writable: true,
  });
  return true;
}
