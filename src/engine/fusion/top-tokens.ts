/**
 * Chooses which tokens of stale rounds to repair, by how relevant each is to the question (A³, arXiv 2511.17560).
 * A pure function: the same numbers give the same tokens everywhere.
 */
import { PAGE_ENTRY_WORDS, PAGE_TOKENS } from "../../memory/page-pool";

/** Relevance is averaged over this many tokens on either side. */
const REACH = 2;

/** A token by its position. */
export interface ChatToken {
  round: number;
  /** Place within the round. */
  place: number;
}

export interface TopTokensInput {
  /** Relevance of each place of each page, as the kernels leave it: [pages, PAGE_TOKENS]. */
  relevance: ArrayLike<number>;
  /** The page table that `relevance` was computed with. */
  pages: Uint32Array;
  /** The question's round: its tokens count as zero in averages, and are not taken. */
  own: number;
  /** Whether tokens of a round may be taken. The prefix (round 0) and `own` never are. */
  isCandidate: (round: number) => boolean;
  /** The most tokens to take. */
  count: number;
}

/** The tokens to repair, in chat order. */
export function topTokens(input: TopTokensInput): ChatToken[] {
  const { relevance, pages, own, isCandidate, count } = input;
  const tokens = tokensOf(pages);
  const isContext = ({ round }: ChatToken) => round !== 0 && round !== own;
  const pooled = averagePool(
    tokens.map((token) => (isContext(token) ? relevance[token.at]! : 0)),
  );
  const candidates = Array.from(
    tokens,
    (token) => isContext(token) && isCandidate(token.round),
  );
  return topIndexes(pooled, candidates, count).map((i) => {
    const { round, place } = tokens[i]!;
    return { round, place };
  });
}

/**
 * Whole rounds by falling total relevance, the earlier first on ties; of the first round that does not fit as a
 * whole, its most relevant tokens. In the order of choosing.
 */
export function topRounds(input: TopTokensInput): ChatToken[] {
  const { relevance, pages, own, isCandidate } = input;
  const sums = new Map<number, number>();
  for (const { round, at } of tokensOf(pages))
    if (round !== 0 && round !== own && isCandidate(round))
      sums.set(round, (sums.get(round) ?? 0) + relevance[at]!);
  const falling = [...sums].sort(([, a], [, b]) => b - a);
  const taken: ChatToken[] = [];
  for (const [chosen] of falling) {
    const count = input.count - taken.length;
    if (count <= 0) break;
    const isChosen = (round: number) => round === chosen;
    taken.push(...topTokens({ ...input, isCandidate: isChosen, count }));
  }
  return taken;
}

/** The mean of each value and its neighbours on either side, in f32; values past the ends count as zeros. */
export function averagePool(values: ArrayLike<number>): Float32Array {
  const pooled = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let j = i - REACH; j <= i + REACH; j++) sum += values[j] ?? 0;
    pooled[i] = sum / (2 * REACH + 1);
  }
  return pooled;
}

/**
 * Indexes of the `count` largest candidates (or of all, if they are fewer), rising; the lower index first on
 * ties.
 */
export function topIndexes(
  values: Float32Array,
  isCandidate: readonly boolean[],
  count: number,
): number[] {
  const indexes: number[] = [];
  for (let i = 0; i < values.length; i++) if (isCandidate[i]) indexes.push(i);
  return indexes
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, Math.max(0, count))
    .sort((a, b) => a - b);
}

/** Tokens of a page table in chat order, with the index of each in [pages, PAGE_TOKENS]. */
function tokensOf(pages: Uint32Array): (ChatToken & { at: number })[] {
  const entries = Array.from(
    { length: pages.length / PAGE_ENTRY_WORDS },
    (_, entry) => {
      const from = entry * PAGE_ENTRY_WORDS;
      const [, base, , first, valid, round] = pages.subarray(from);
      return {
        entry,
        base: base!,
        first: first!,
        valid: valid!,
        round: round!,
      };
    },
  );
  return entries
    .sort((a, b) => a.base + a.first - (b.base + b.first))
    .flatMap(({ entry, first, valid, round }) =>
      Array.from({ length: valid }, (_, t) => ({
        round,
        place: first + t,
        at: entry * PAGE_TOKENS + t,
      })),
    );
}
