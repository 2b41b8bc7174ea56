/**
 * What a reasoning model thinks before it answers, `<think>…</think>`: shown, but not part of what later turns
 * read, as such models' templates have it.
 */
import { ModelFormatError } from "../../util/errors";
import { chatLayout } from "./chat-layout";
import type { ChatTemplate } from "./chat-template";
import { CLOSING, thinkingRange } from "./thinking-range";

/**
 * The range of a reply's tokens that are thinking, with the space after it: from .. to - 1. Undefined if there is
 * none, or its end and the answer's beginning share a token.
 *
 * @param decode the text of some tokens
 */
export function thinkingSpan(
  reply: readonly number[],
  decode: (tokens: readonly number[]) => string,
): { from: number; to: number } | undefined {
  const texts = reply.map((token) => decode([token]));
  const thinking = thinkingRange(texts.join(""));
  if (thinking?.isOver !== true) return undefined;
  const end = thinking.to + CLOSING.length;
  let to = 0;
  let length = 0;
  while (length < end) length += texts[to++]!.length;
  if (length > thinking.answer) return undefined;
  while (to < texts.length && texts[to]!.trim() === "") to++;
  return { from: 0, to };
}

/** The template's variables for a reply without thinking: Qwen3's way, which others ignore. */
export const UNTHINKING = { enable_thinking: false } as const;

/** Whether a template can make a model answer without thinking first. */
export function canThink(
  template: ChatTemplate,
  markers: readonly string[],
): boolean {
  const now = new Date();
  const opening = (variables: Readonly<Record<string, unknown>>) => {
    const layout = chatLayout(template, { markers, variables, now });
    return JSON.stringify(layout.open("", { isFirst: true }));
  };
  const thinking = opening({});
  try {
    return thinking !== opening(UNTHINKING);
  } catch (error) {
    // Then it writes no rounds without it.
    if (error instanceof ModelFormatError) return false;
    throw error;
  }
}
