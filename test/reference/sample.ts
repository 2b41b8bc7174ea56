export interface SamplerSettings {
  /** 0 takes the largest logit. */
  temperature: number;
  /** 0 is off. */
  topK?: number;
  /** 1 is off. */
  topP?: number;
  /** 0 is off. */
  minP?: number;
  /** 1 is off. */
  repetitionPenalty?: number;
  /** Added to logits, by token. */
  bias?: ReadonlyMap<number, number>;
  /** Tokens of the reply so far, each as often as it was drawn. */
  drawn?: readonly number[];
  presencePenalty?: number;
  frequencyPenalty?: number;
  /** The tokens that may be drawn; undefined: all. */
  allowed?: ReadonlySet<number>;
  seed?: number;
  /** Which draw it is: the same seed and step draw the same noise. */
  step?: number;
}

export interface Sample {
  /** Undefined if the logits are unusable: one of them is NaN or +∞, or all are −∞. */
  token: number | undefined;
  /** The tokens that could have been drawn, ascending. */
  kept: number[];
  /** How much the runner-up lacked to win: if it is tiny, rounding decides. */
  margin: number;
}

/** Draws a token: penalties, bias, mask, temperature, top-k, top-p, min-p, then the largest of logit / T + Gumbel noise. */
export function sample(
  logits: ArrayLike<number>,
  settings: SamplerSettings,
  seen: Iterable<number> = [],
): Sample {
  const { temperature, topK = 0, topP = 1, minP = 0 } = settings;
  const { repetitionPenalty = 1, seed = 0, step = 0 } = settings;

  const scores = Float64Array.from(logits);
  const isSilent =
    scores.some((logit) => Number.isNaN(logit) || logit === Infinity) ||
    scores.every((logit) => logit === -Infinity);
  if (isSilent) return { token: undefined, kept: [], margin: Infinity };
  for (const token of new Set(seen)) {
    const logit = scores[token]!;
    scores[token] =
      logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
  }
  const { bias, drawn = [], allowed } = settings;
  const { presencePenalty = 0, frequencyPenalty = 0 } = settings;
  for (const [token, value] of bias ?? []) scores[token]! += value;
  for (const token of new Set(drawn)) scores[token]! -= presencePenalty;
  for (const token of drawn) scores[token]! -= frequencyPenalty;
  const all = [...scores.keys()].filter((token) => allowed?.has(token) ?? true);
  if (all.length === 0) return { token: undefined, kept: [], margin: Infinity };
  if (temperature === 0) {
    const { token, best, second } = largest(all, (t) => scores[t]!);
    return { token, kept: [token], margin: best - second };
  }
  for (const token of all) scores[token]! /= temperature;

  let kept = all;
  if (topK > 0 && topK < kept.length) {
    const kth = kept.map((t) => scores[t]!).sort((a, b) => b - a)[topK - 1]!;
    kept = kept.filter((t) => scores[t]! >= kth);
  }
  if (topP < 1) {
    const probability = softmax(scores, kept);
    const falling = [...probability.values()].sort((a, b) => b - a);
    let sum = 0;
    const threshold = falling.find((p) => (sum += p) >= topP) ?? 0;
    kept = kept.filter((t) => probability.get(t)! >= threshold);
  }
  if (minP > 0) {
    const probability = softmax(scores, kept);
    const { best } = largest(kept, (t) => probability.get(t)!);
    kept = kept.filter((t) => probability.get(t)! >= minP * best);
  }

  const noisy = (t: number) => scores[t]! + gumbel(seed, step, t);
  const { token, best, second } = largest(kept, noisy);
  return { token, kept, margin: best - second };
}

/** The lowest of the tokens with the largest score, and the two largest scores. */
function largest(
  tokens: readonly number[],
  score: (token: number) => number,
): { token: number; best: number; second: number } {
  let token = -1;
  let best = -Infinity;
  let second = -Infinity;
  for (const t of tokens) {
    const s = score(t);
    if (token < 0 || s > best) {
      second = best;
      best = s;
      token = t;
    } else if (s > second) {
      second = s;
    }
  }
  return { token, best, second };
}

function softmax(
  scores: Float64Array,
  tokens: readonly number[],
): Map<number, number> {
  let max = -Infinity;
  for (const t of tokens) max = Math.max(max, scores[t]!);
  let sum = 0;
  for (const t of tokens) sum += Math.exp(scores[t]! - max);
  return new Map(tokens.map((t) => [t, Math.exp(scores[t]! - max) / sum]));
}

/**
 * Gumbel noise of a token: the same for the same seed, step and token. Of the
 * hash 23 bits count, so that u is below 1 and exact in single precision too.
 */
function gumbel(seed: number, step: number, token: number): number {
  const hash = mix(token ^ mix(step ^ mix(seed)));
  const u = ((hash >>> 9) + 0.5) / 2 ** 23;
  return -Math.log(-Math.log(u));
}

/** A permutation of the 32-bit integers (PCG's output function over one step of its generator). */
function mix(x: number): number {
  const s = (Math.imul(x, 747796405) + 2891336453) >>> 0;
  const w = Math.imul((s >>> ((s >>> 28) + 4)) ^ s, 277803737) >>> 0;
  return ((w >>> 22) ^ w) >>> 0;
}
