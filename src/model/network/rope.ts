/** RoPE's rotations, computed in double precision once for all kernels. */
import type { RopeScaling } from "../architectures/recipe";
import type { ComputableRope } from "../config/computable";

/** Positions of the fine table, and step of the coarse one. */
const FINE = 256;

/**
 * cos and sin of [256 fine positions, then coarse ones in steps of 256][head_dim / 2]. The rotation
 * at position p is the product of the fine one at p % 256 and the coarse one at p / 256: two small
 * tables in place of one as long as the context, at the cost of one rounding.
 */
export function ropeTable(
  rope: ComputableRope,
  headDim: number,
  positions: number,
): Float32Array {
  const frequencies = inverseFrequencies(rope, headDim);
  const rows = FINE + Math.ceil(positions / FINE);
  const table = new Float32Array(rows * frequencies.length * 2);
  for (let row = 0; row < rows; row++) {
    const position = row < FINE ? row : (row - FINE) * FINE;
    frequencies.forEach((frequency, i) => {
      const at = (row * frequencies.length + i) * 2;
      table[at] = Math.cos(position * frequency);
      table[at + 1] = Math.sin(position * frequency);
    });
  }
  return table;
}

/** Radians a position for each pair of a head, scaled as the recipe asks. */
export function inverseFrequencies(
  { theta, scaling }: ComputableRope,
  headDim: number,
): number[] {
  const plain = Array.from(
    { length: headDim / 2 },
    (_, i) => theta ** ((-2 * i) / headDim),
  );
  switch (scaling?.type) {
    case undefined:
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "factors":
      return plain.map((frequency, i) => frequency / scaling.factors[i]!);
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
  }
  return scaling satisfies never;
}

/** Long wavelengths are stretched, short ones kept, with a ramp in between. */
function llama3Frequency(
  frequency: number,
  {
    factor,
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings,
  }: RopeScaling & { type: "llama3" },
): number {
  const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI);
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  const share = Math.min(1, Math.max(0, kept));
  return (frequency / factor) * (1 - share) + frequency * share;
}
