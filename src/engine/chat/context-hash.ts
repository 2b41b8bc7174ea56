/** Hashes that say what a round's KV was computed behind: all tokens before it, in order. */
import { sha256 } from "../../util/hash";
import { contentHash } from "../load/fingerprint";

interface RoundTokens {
  tokens: ArrayLike<number>;
}

/** A round's tokens only ever grow, so their count tells whether these hashes are still valid. */
interface CachedHashes {
  tokenCount: number;
  content: string;
  before: string;
  after: string;
}

const cache = new WeakMap<RoundTokens, CachedHashes>();

/**
 * The context hash of each round and, last, that of a round behind them all. Equal hashes mean equal tokens,
 * whichever rounds and chats these are in.
 */
export async function contextsOf(
  rounds: readonly RoundTokens[],
): Promise<string[]> {
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
  rounds: readonly (RoundTokens & { id: number; parentId: number | null })[],
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
  for (const [cached, context] of byId) if (cached <= id) found = context;
  return found;
}

/** The hash of a round's tokens, as `contentHash` makes it. */
export async function contentOf(round: RoundTokens): Promise<string> {
  const tokenCount = round.tokens.length;
  const cached = cache.get(round);
  if (cached?.tokenCount === tokenCount) return cached.content;
  return contentHash(round.tokens);
}

/** Call it after a round's tokens were replaced. */
export function forgetHash(round: RoundTokens): void {
  cache.delete(round);
}

async function contextBehind(
  before: string,
  round: RoundTokens,
): Promise<string> {
  const tokenCount = round.tokens.length;
  const cached = cache.get(round);
  if (cached?.tokenCount === tokenCount && cached.before === before)
    return cached.after;
  const content = await contentOf(round);
  const after = await sha256(`${before}/${content}`);
  cache.set(round, { tokenCount, content, before, after });
  return after;
}
