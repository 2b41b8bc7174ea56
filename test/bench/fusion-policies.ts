/** Which tokens of stale rounds to compute again: A³, its variants, and what it is measured against. */
import { PAGE_TOKENS, pagesFor } from "../../src/memory/page-pool";
import type { PlacedRound } from "../../src/memory/page-table";
import { type Round } from "../../src/memory/round";
import { type HALVES } from "../../src/util/kv-half";
import { packHalf } from "../../src/memory/segment-transfer";
import {
  type ChooseTokens,
  type RepairMethod,
  repairMethod,
} from "../../src/engine/fusion/repair";
import type { Runner } from "../../src/engine/run/runner";
import type { ChatToken } from "../../src/engine/fusion/top-tokens";

/** Of a round as it is stored, before anything of it is computed again. */
export type StoredLower = (round: Round) => Uint8Array;

export function policies(
  runner: Runner,
  storedLower: StoredLower,
): Record<string, RepairMethod> {
  const watershed = runner.layersOf("lower").to - 1;
  const blind = (choose: ChooseTokens): RepairMethod => ({
    ...repairMethod("lite", watershed),
    choose,
  });
  return {
    rounds: repairMethod("rounds", watershed),
    a3: repairMethod("a3", watershed),
    lite: repairMethod("lite", watershed),
    edges: repairMethod("edges", watershed),
    random: blind(random),
    recency: blind(recency),
    EPIC: blind(epic),
    CacheBlend: {
      ...repairMethod("a3", watershed),
      choose: cacheBlend(runner, storedLower),
    },
  };
}

function tokensOf(stale: readonly PlacedRound[]): ChatToken[] {
  return stale.flatMap(({ round: { id, tokens } }) =>
    tokens.map((_, place) => ({ round: id, place })),
  );
}

const random: ChooseTokens = (input) => {
  let state = 7919 + input.relevance.length;
  return tokensOf(input.stale)
    .map((token) => {
      state = (1_103_515_245 * state + 12_345) % 2 ** 31;
      return { token, state };
    })
    .sort((a, b) => a.state - b.state)
    .slice(0, input.count)
    .map(({ token }) => token);
};

/** Those nearest to the question. */
const recency: ChooseTokens = ({ stale, count }) =>
  count > 0 ? tokensOf(stale).slice(-count) : [];

/** The first ones of each round (arXiv 2410.15332). */
const epic: ChooseTokens = ({ stale, count }) =>
  tokensOf(stale)
    .sort((a, b) => a.place - b.place)
    .slice(0, count);

/** Those whose values at layer 1 are farthest from what is cached (arXiv 2405.16444). */
function cacheBlend(runner: Runner, storedLower: StoredLower): ChooseTokens {
  return async (input) => {
    const deviations: { token: ChatToken; deviation: number }[] = [];
    for (const { round } of input.stale) {
      const { gpu, cache } = runner;
      const { pages, localPages } = round.lower;
      const count = round.tokens.length;
      const fresh = await packHalf(
        gpu,
        cache.lower,
        pages,
        "raw",
        count,
        localPages,
      );
      const by = deviationsOf(runner, round, fresh, storedLower(round));
      by.forEach((deviation, place) =>
        deviations.push({ token: { round: round.id, place }, deviation }),
      );
    }
    return deviations
      .sort((a, b) => b.deviation - a.deviation)
      .slice(0, input.count)
      .map(({ token }) => token);
  };
}

/** Squared distance of each token's values at layer 1, over all heads; pages hold f32. */
function deviationsOf(
  { cache }: Runner,
  { tokens }: Round,
  fresh: Uint8Array,
  cached: Uint8Array,
): number[] {
  const { kvHeads, headDim, format } = cache.lower.shape;
  if (format !== "f32") throw new RangeError("CacheBlend is measured on f32");
  const pages = pagesFor(tokens.length);
  const matrix = pages * kvHeads * PAGE_TOKENS * headDim;
  // K and V of layer 0, K of layer 1, then this.
  const values = (payload: Uint8Array) =>
    new Float32Array(
      payload.buffer.slice(
        payload.byteOffset + 3 * 4 * matrix,
        payload.byteOffset + 4 * 4 * matrix,
      ),
    );
  const [a, b] = [values(fresh), values(cached)];
  return tokens.map((_, place) => {
    let sum = 0;
    for (let head = 0; head < kvHeads; head++) {
      const page = Math.floor(place / PAGE_TOKENS);
      const slot =
        (page * kvHeads + head) * PAGE_TOKENS + (place % PAGE_TOKENS);
      for (let d = 0; d < headDim; d++) {
        const at = slot * headDim + d;
        sum += (a[at]! - b[at]!) ** 2;
      }
    }
    return sum;
  });
}

/** Halves as they are stored, by round. */
export type StoredRound = Record<(typeof HALVES)[number], Uint8Array>;
