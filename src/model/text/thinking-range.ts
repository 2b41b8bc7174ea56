/** Where a reply's thinking is, `<think>…</think>`. Shared by the engine and the page. */

/** The model has begun to think by itself. */
const BEGUN = /^\s*<think>/;
export const OPENING = "<think>";
export const CLOSING = "</think>";
/** The template has begun it: only the end is in the reply, on a line of its own. */
const CLOSING_LINE = /^<\/think>[ \t]*$/m;

export interface ThinkingRange {
  /** Where the thinking's text begins and ends; the marks are around it. */
  from: number;
  to: number;
  /** Where the answer begins, past white space; the reply's length while it is still thinking. */
  answer: number;
  /** Whether it has come to its end. */
  isOver: boolean;
}

/**
 * The thinking at the beginning of a reply; undefined for none. Marks that a reply only mentions, in its midst or in
 * code, are none.
 */
export function thinkingRange(reply: string): ThinkingRange | undefined {
  const from = BEGUN.exec(reply)?.[0].length;
  const to = from === undefined ? lineOfEnd(reply) : reply.indexOf(CLOSING);
  if (to === undefined) return undefined;
  if (to < 0)
    return {
      from: from!,
      to: reply.length,
      answer: reply.length,
      isOver: false,
    };
  const after = to + CLOSING.length;
  const space = /^\s*/.exec(reply.slice(after))![0].length;
  return { from: from ?? 0, to, answer: after + space, isOver: true };
}

function lineOfEnd(reply: string): number | undefined {
  const at = CLOSING_LINE.exec(reply)?.index;
  if (at === undefined) return undefined;
  const before = reply.slice(0, at);
  const fences = before.match(/^ {0,3}(?:```|~~~)/gm)?.length ?? 0;
  return fences % 2 === 0 && !before.includes(OPENING) ? at : undefined;
}

/** A reply without its thinking; empty while it is still thinking. */
export function answerOf(reply: string): string {
  return reply.slice(thinkingRange(reply)?.answer ?? 0);
}

/** A reply as later turns read it. A reply that was cut off while thinking stays as it is. */
export function withoutThinking(reply: string): string {
  const thinking = thinkingRange(reply);
  return thinking?.isOver === true ? reply.slice(thinking.answer) : reply;
}
