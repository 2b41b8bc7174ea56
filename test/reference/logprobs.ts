/** Log-probabilities in double precision: log softmax of the logits, and the likeliest tokens, the lowest first on ties. */
export function logprobsOf(
  logits: ArrayLike<number>,
  token: number,
  topCount: number,
): { drawn: number; top: { token: number; logprob: number }[] } {
  const all = Array.from(logits);
  const largest = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = all.reduce((total, x) => total + Math.exp(x - largest), 0);
  const logprobs = all.map((x) => x - largest - Math.log(sum));
  const ranked = [...logprobs.keys()].sort(
    (a, b) => logprobs[b]! - logprobs[a]! || a - b,
  );
  return {
    drawn: logprobs[token]!,
    top: ranked
      .slice(0, topCount)
      .map((one) => ({ token: one, logprob: logprobs[one]! })),
  };
}
