/** Reads and compares rows of logits. */

export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++)
    if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** KL(p ‖ q) of two rows of logits, in nats. Vocabularies are large, so no arrays are made. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const [normP, normQ] = [logOfSum(p), logOfSum(q)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = p[i]! - normP;
    sum += Math.exp(logP) * (logP - (q[i]! - normQ));
  }
  // Rounding alone can make it negative.
  return Math.max(0, sum);
}

/** log Σ exp */
function logOfSum(logits: Float32Array): number {
  const highest = logits[likeliest(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum);
}
