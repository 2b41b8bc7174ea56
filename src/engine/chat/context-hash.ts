/**
 * Hashes that say what a round's KV was computed behind: all tokens before it, in order. A round's hash goes on from
 * that of the round before, and is kept in its record: a chat that is opened again hashes its tokens once, to see
 * that they are those that were written, and no context.
 */
import { sha256 } from "../../util/hash";
import type { ContextHashes } from "../../store/rounds";
import { contentHash } from "../load/fingerprint";

interface RoundTokens {
  tokens: ArrayLike<number>;
}

/** A round's tokens only ever grow, so their count tells whether these hashes are still valid. */
interface CachedHashes extends Partial<ContextHashes> {
  tokenCount: number;
  content: string;
}

/** What the record of a round has of its tokens. */
interface RecordedHashes {
  contentHash: string;
  contexts?: ContextHashes | undefined;
}

const cache = new WeakMap<RoundTokens, CachedHashes>();
/** Of rounds whose tokens were not compared with their record yet. */
const recorded = new WeakMap<RoundTokens, RecordedHashes>();

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
    // A chat may have thousands: nothing waits for what is known.
    context = known(context, round) ?? (await contextBehind(context, round));
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
    behind.set(
      id,
      known(context, round) ?? (await contextBehind(context, round)),
    );
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
  recorded.delete(round);
}

/** Notes the hashes in the record of a round, which count once `damagedAmong` has compared its tokens with them. */
export function noteRecorded(round: RoundTokens, hashes: RecordedHashes): void {
  recorded.set(round, hashes);
}

/** Rounds whose tokens are not those that their records were written with. Each is asked for once. */
export async function damagedAmong<R extends RoundTokens>(
  rounds: readonly R[],
): Promise<R[]> {
  const checked = await Promise.all(
    rounds.map(async (round) => {
      const hashes = recorded.get(round);
      if (hashes === undefined) return true;
      const tokenCount = round.tokens.length;
      const content = await contentHash(round.tokens);
      // The tokens may have been replaced meanwhile.
      if (recorded.get(round) !== hashes) return true;
      recorded.delete(round);
      if (content !== hashes.contentHash) return false;
      cache.set(round, { tokenCount, content, ...hashes.contexts });
      return true;
    }),
  );
  return rounds.filter((_, i) => !checked[i]);
}

/** What is known of a round's tokens as they are, to be kept in its record. */
export function contextsToKeep(round: RoundTokens): ContextHashes | undefined {
  const { tokenCount, before, after } = cache.get(round) ?? {};
  if (tokenCount !== round.tokens.length) return undefined;
  return before !== undefined && after !== undefined
    ? { before, after }
    : undefined;
}

function known(before: string, round: RoundTokens): string | undefined {
  const cached = cache.get(round);
  const isSame =
    cached?.tokenCount === round.tokens.length && cached.before === before;
  return isSame ? cached.after : undefined;
}

async function contextBehind(
  before: string,
  round: RoundTokens,
): Promise<string> {
  const tokenCount = round.tokens.length;
  const content = await contentOf(round);
  const after = await sha256(`${before}/${content}`);
  cache.set(round, { tokenCount, content, before, after });
  return after;
}
