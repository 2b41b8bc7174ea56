/** Seeded random numbers: the same seed gives the same numbers everywhere. */

/** Uniform numbers in [0, 1), one a call (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform numbers in [low, high). */
export function seededUniforms(
  n: number,
  seed: number,
  low = 0,
  high = 1,
): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: n }, () => low + (high - low) * random());
}

/** Uniform integers from 0 up to, not including, `limit`. */
export function seededInts(
  n: number,
  limit: number,
  seed: number,
): Uint32Array {
  const random = seededRandom(seed);
  return Uint32Array.from({ length: n }, () => Math.floor(limit * random()));
}

/** Numbers of the normal distribution with mean 0. */
export function seededNormals(
  n: number,
  seed: number,
  deviation = 1,
): Float32Array {
  const random = seededRandom(seed);
  const values = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < n) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
