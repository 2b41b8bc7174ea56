/** Hashes that say what a round's KV was computed behind: all tokens before it, in order. */
import { sha256 } from "../../util/hash";
import { contentHash } from "../load/fingerprint";

interface Said {
  tokens: ArrayLike<number>;
}

/** A round's tokens only ever grow, so their count tells whether these hashes are still valid. */
interface Known {
  tokenCount: number;
  content: string;
  before: string;
  after: string;
}

const known = new WeakMap<Said, Known>();

/**
 * The context hash of each round and, last, that of a round behind them all. Equal hashes mean equal tokens,
 * whichever rounds and chats these are in.
 */
export async function contextsOf(rounds: readonly Said[]): Promise<string[]> {
  let context = await sha256("");
  const contexts = [context];
  for (const round of rounds) {
    context = await contextBehind(context, round);
    contexts.push(context);
  }
  return contexts;
}

/**
 * The same for a tree of rounds, by id. If a parent is missing, the newest round before it takes its place, as in
 * `newestBranch`.
 */
export async function contextsById(
  rounds: readonly (Said & { id: number; parentId: number | null })[],
): Promise<Map<number, string>> {
  const start = await sha256("");
  const before = new Map<number, string>();
  const behind = new Map<number, string>();
  for (const round of rounds.toSorted((a, b) => a.id - b.id)) {
    const { id, parentId } = round;
    const context =
      parentId === null
        ? start
        : (behind.get(parentId) ?? newestBefore(behind, parentId) ?? start);
    before.set(id, context);
    behind.set(id, await contextBehind(context, round));
  }
  return before;
}

/** @param byId in rising order */
function newestBefore(
  byId: ReadonlyMap<number, string>,
  id: number,
): string | undefined {
  let found: string | undefined;
  for (const [one, context] of byId) if (one <= id) found = context;
  return found;
}

/** The hash of a round's tokens, as `contentHash` makes it. */
export async function contentOf(round: Said): Promise<string> {
  const tokenCount = round.tokens.length;
  const one = known.get(round);
  if (one?.tokenCount === tokenCount) return one.content;
  return contentHash(round.tokens);
}

/** Call it after a round's tokens were replaced. */
export function forgetHash(round: Said): void {
  known.delete(round);
}

async function contextBehind(before: string, round: Said): Promise<string> {
  const tokenCount = round.tokens.length;
  const one = known.get(round);
  if (one?.tokenCount === tokenCount && one.before === before) return one.after;
  const content = await contentOf(round);
  const after = await sha256(`${before}/${content}`);
  known.set(round, { tokenCount, content, before, after });
  return after;
}
