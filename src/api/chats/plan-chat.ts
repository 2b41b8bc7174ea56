/**
 * Which chat a conversation goes on in. Clients without state send all that was said with each message; the rounds
 * of it that a known chat has keep their KV there. Pure: from texts to ids.
 *
 *     a branch   1 2 3 4 5 6          asked for  1 2 x 5
 *                └┬┘   └┬┘                        └┬┘ │ └┬┘
 *                 │     └── copied as 5' ──────────┼──┼──┘
 *                 └── the common beginning ────────┘  └── added
 */
import type { RoundText, ToolDefinition } from "../../engine/api/chats";
import { answerOf } from "../../model/text/thinking-range";

/** A round that a chat has. */
export interface KnownRound extends RoundText {
  readonly id: number;
}

export interface KnownChat {
  readonly id: string;
  readonly system: string | undefined;
  readonly tools?: readonly ToolDefinition[] | undefined;
  /** What was said in it, each time from the first round to the last. None is the beginning of another. */
  readonly branches: readonly (readonly KnownRound[])[];
}

/** What a model is to read before a message. */
export interface Conversed {
  readonly system: string | undefined;
  /** What it may call. */
  readonly tools?: readonly ToolDefinition[] | undefined;
  readonly rounds: readonly RoundText[];
}

/** How a known chat goes on. */
export interface Continuation {
  chatId: string;
  /** Id of the last round of the common beginning; 0: there is none. */
  behind: number;
  /** Rounds to add behind that. */
  added: readonly RoundText[];
  /** Id of the first round to copy behind these, and how many rounds of its branch are wanted. */
  before: number | undefined;
  copied: number;
  /** Id of the last round that is reused; 0: none is. It says which branch is meant. */
  through: number;
}

export interface PlanOptions {
  /** Whether conversations with nothing but the system prompt in common share a chat, and so its KV. */
  sharesSystem: boolean;
  /** A chat with so many branches gets no new one. Default: 64. */
  mostBranches?: number;
}

const MOST_BRANCHES = 64;

interface Match extends Continuation {
  /** Characters of rounds that need not be prefilled, and of those the ones whose KV stays as it is. */
  reused: number;
  exact: number;
}

/**
 * The continuation that reuses most text; of equals the last one, as chats and branches are given.
 *
 * @returns undefined where a new chat is to be opened
 */
export function planChat(
  chats: readonly KnownChat[],
  asked: Conversed,
  { sharesSystem, mostBranches = MOST_BRANCHES }: PlanOptions,
): Continuation | undefined {
  let best: Match | undefined;
  for (const chat of chats) {
    if (!hasSameInstructions(chat, asked)) continue;
    const isFull = chat.branches.length >= mostBranches;
    for (const branch of chat.branches.length > 0 ? chat.branches : [[]]) {
      const match = matchIn(chat.id, branch, asked.rounds);
      if (isFull && !isAtEnd(match, branch)) continue;
      if (match.reused === 0 && !sharesSystem) continue;
      if (best === undefined || isAsGood(match, best)) best = match;
    }
  }
  if (best === undefined) return undefined;
  const { reused: _reused, exact: _exact, ...continuation } = best;
  return continuation;
}

/** Whether two chats have the same system prompt and tools. */
export function hasSameInstructions(
  a: Pick<Conversed, "system" | "tools">,
  b: Pick<Conversed, "system" | "tools">,
): boolean {
  return a.system === b.system && isSame(a.tools ?? [], b.tools ?? []);
}

/** Whether two rounds say the same to a model: it does not read again what it thought. */
export function isSameRound(a: RoundText, b: RoundText): boolean {
  return (
    a.message === b.message &&
    (a.reply === b.reply || spoken(a.reply) === spoken(b.reply)) &&
    isSame(a.calls ?? [], b.calls ?? []) &&
    isSame(a.results ?? [], b.results ?? [])
  );
}

function isSame(a: readonly object[], b: readonly object[]): boolean {
  return (
    (a.length === 0 && b.length === 0) ||
    JSON.stringify(a) === JSON.stringify(b)
  );
}

/** Clients trim replies, or show them without the thinking. */
function spoken(reply: string): string {
  return answerOf(reply).trim();
}

function isAsGood(match: Match, best: Match): boolean {
  return match.reused === best.reused
    ? match.exact >= best.exact
    : match.reused > best.reused;
}

/** Whether the branch grows, rather than another one beginning on it. */
function isAtEnd(
  { behind, before }: Continuation,
  branch: readonly KnownRound[],
): boolean {
  return before === undefined && behind === (branch.at(-1)?.id ?? 0);
}

function matchIn(
  chatId: string,
  branch: readonly KnownRound[],
  asked: readonly RoundText[],
): Match {
  const head = commonHead(branch, asked);
  const tail = commonTail(branch, asked, head);
  const copies = branch.slice(tail.from, tail.from + tail.length);
  const exact = textLength(branch.slice(0, head));
  const behind = branch[head - 1]?.id ?? 0;
  return {
    chatId,
    behind,
    added: asked.slice(head, asked.length - tail.length),
    before: copies[0]?.id,
    copied: tail.length,
    through: copies.at(-1)?.id ?? behind,
    exact,
    reused: exact + textLength(copies),
  };
}

function commonHead(
  branch: readonly KnownRound[],
  asked: readonly RoundText[],
): number {
  const end = Math.min(branch.length, asked.length);
  let head = 0;
  while (head < end && isSameRound(branch[head]!, asked[head]!)) head++;
  return head;
}

/** The longest run of the branch behind its first `head` rounds that ends what was asked for; the last of equals. */
function commonTail(
  branch: readonly KnownRound[],
  asked: readonly RoundText[],
  head: number,
): { from: number; length: number } {
  let best = { from: branch.length, length: 0 };
  for (let end = branch.length; end > head; end--) {
    const most = Math.min(end, asked.length) - head;
    let length = 0;
    while (
      length < most &&
      isSameRound(branch[end - 1 - length]!, asked.at(-1 - length)!)
    )
      length++;
    if (length > best.length) best = { from: end - length, length };
  }
  return best;
}

function textLength(rounds: readonly RoundText[]): number {
  return rounds.reduce((sum, round) => sum + JSON.stringify(round).length, 0);
}
