/**
 * What a reasoning model thinks before it answers, `<think>…</think>`: shown, but not part of what later turns
 * read, as such models' templates have it.
 */
import { ModelFormatError } from "../../util/errors";
import { chatLayout } from "./chat-layout";
import type { ChatTemplate } from "./chat-template";

const OPEN = "<think>";
const CLOSE = "</think>";

/** A reply as later turns read it. A reply that was cut off while thinking stays as it is. */
export function withoutThinking(reply: string): string {
  const end = reply.indexOf(CLOSE);
  if (end < 0) return reply;
  const start = reply.indexOf(OPEN);
  const before = start >= 0 && start < end ? reply.slice(0, start) : "";
  return before + reply.slice(end + CLOSE.length).trimStart();
}

/**
 * The range of a reply's tokens that are thinking, with the space after it: from .. to - 1. Undefined if there is
 * none, or the model has no tokens that mark it.
 *
 * @param decode the text of some tokens
 */
export function thinkingSpan(
  reply: readonly number[],
  decode: (tokens: readonly number[]) => string,
): { from: number; to: number } | undefined {
  const texts = reply.map((token) => decode([token]));
  const end = texts.findIndex((text) => text.trim() === CLOSE);
  if (end < 0) return undefined;
  // Some templates open the thinking themselves, before the reply begins.
  const start = texts.slice(0, end).findIndex((text) => text.trim() === OPEN);
  let to = end + 1;
  while (to < texts.length && texts[to]!.trim() === "") to++;
  return { from: Math.max(0, start), to };
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
