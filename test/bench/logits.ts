/** What rows of logits say. */

export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++)
    if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** KL(p ‖ q) of two rows of logits, in nats. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const [logP, logQ] = [logSoftmax(p), logSoftmax(q)];
  let sum = 0;
  logP.forEach((one, i) => (sum += Math.exp(one) * (one - logQ[i]!)));
  return Math.max(0, sum);
}

export function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function logSoftmax(logits: Float32Array): Float64Array {
  const highest = Math.max(...logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const log = highest + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - log);
}
